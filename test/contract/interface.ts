// What an application can rely on whatever its interface. Each interface brings the same application in its own terms.

import assert from "node:assert/strict";
import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import { type TestContext, test } from "node:test";
import type { InterfaceName } from "../../src/config/config.ts";
import { latch, type Served, serve } from "../interfaces/serve.ts";

/** What the application and the test tell each other. */
export interface Stage {
  /** `/stream` gives its second piece after this. */
  readonly released: Promise<void>;
  /** `/leave` calls it when it runs, `/endless` never. */
  entered(): void;
  /** Called when the application learns that the client is gone, with the bytes made until then. */
  left(made: number): void;
}

/** A megabyte, of which `/endless` gives one after the other. */
export const PIECE = Buffer.alloc(1024 * 1024, "x");

export interface Contender {
  readonly name: string;
  readonly interface: InterfaceName;
  /**
   * Makes the application:
   * - `/hello` gives `hello` with `X-One: 1`, status `200`;
   * - `/echo` gives the body back, as it comes; `/count` gives its length;
   * - `/headers` sets the cookies `a=1` and `b=2`, and gives the request's `X-In` headers joined;
   * - `/empty` gives 204; `/teapot` gives 418 with an empty body;
   * - `/stream` gives `first`, waits for the stage, gives `second`;
   * - `/throw` throws, `/reject` throws later, `/half` throws after the piece `half` of a body of unknown length;
   * - `/short` declares 100 bytes and gives `short`; `/long` declares 4 and gives the pieces `lo` and `nger`;
   * - `/leave` enters, then waits until the client is gone and tells the stage;
   * - `/endless` gives pieces for ever, and tells the stage how many bytes once it is stopped.
   */
  make(stage: Stage): unknown;
}

interface Played extends Served {
  readonly release: () => void;
  readonly entered: Promise<void>;
  readonly left: Promise<number>;
}

async function play(t: TestContext, contender: Contender): Promise<Played> {
  const released = latch();
  const entered = latch();
  const left = latch<number>();
  const app = contender.make({ released: released.promise, entered: entered.open, left: left.open });
  const served = await serve(t, app, contender.interface);
  return { ...served, release: () => released.open(), entered: entered.promise, left: left.promise };
}

/** Sends a request and gives the response before its body is read. */
async function open(port: number, path: string): Promise<IncomingMessage> {
  const req = http.get({ host: "127.0.0.1", port, path, agent: false });
  const [res]: IncomingMessage[] = await once(req, "response");
  assert.ok(res);
  return res;
}

/** Reads until the connection ends: what came, and whether it was the whole answer. */
async function drainOf(res: IncomingMessage): Promise<{ body: string; complete: boolean }> {
  let body = "";
  try {
    for await (const chunk of res) body += chunk;
  } catch {
    // Told by `complete`.
  }
  return { body, complete: res.complete };
}

export function interfaceContract(contender: Contender): void {
  const { name } = contender;

  test(`${name}: answers with status, headers and body`, async (t) => {
    const { request, errors } = await play(t, contender);
    const answer = await request({ path: "/hello?x=1" });
    assert.equal(answer.status, 200);
    assert.equal(answer.body, "hello");
    assert.equal(answer.headers["x-one"], "1");
    assert.deepEqual(errors, []);
  });

  test(`${name}: keeps a connection for the next request`, async (t) => {
    const { request } = await play(t, contender);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const [first, second] = [
      await request({ path: "/hello", agent }),
      await request({ path: "/hello", agent }),
    ];
    assert.deepEqual([first.body, second.body], ["hello", "hello"]);
    assert.notEqual(first.headers.connection, "close");
  });

  test(`${name}: answers HEAD without a body`, async (t) => {
    const { request, errors } = await play(t, contender);
    const answer = await request({ path: "/hello", method: "HEAD" });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["x-one"], "1");
    assert.equal(answer.body, "");
    assert.deepEqual(errors, []);
  });

  test(`${name}: answers 204 without a body or a length`, async (t) => {
    const { request } = await play(t, contender);
    const answer = await request({ path: "/empty" });
    assert.equal(answer.status, 204);
    assert.equal(answer.headers["content-length"], undefined);
    assert.equal(answer.headers["transfer-encoding"], undefined);
  });

  test(`${name}: an empty body is told to be empty`, async (t) => {
    const { request } = await play(t, contender);
    const answer = await request({ path: "/teapot" });
    assert.deepEqual([answer.status, answer.body, answer.headers["content-length"]], [418, "", "0"]);
  });

  test(`${name}: repeated headers, both ways; cookies stay apart`, async (t) => {
    const { request } = await play(t, contender);
    const answer = await request({ path: "/headers", headers: { "X-In": ["one", "two"] } });
    assert.deepEqual(answer.headers["set-cookie"], ["a=1", "b=2"]);
    assert.equal(answer.body.replaceAll(" ", ""), "one,two");
  });

  for (const size of [0, 1, 64 * 1024, 64 * 1024 + 1, 3 * 1024 * 1024]) {
    test(`${name}: gives back a body of ${size} bytes`, async (t) => {
      const { request, errors } = await play(t, contender);
      const body = Buffer.alloc(size, "body");
      const answer = await request(
        { path: "/echo", method: "POST", headers: { "content-length": size } },
        body,
      );
      assert.equal(answer.status, 200);
      assert.ok(answer.body === body.toString(), `got ${answer.body.length} bytes`);
      assert.deepEqual(errors, []);
    });
  }

  test(`${name}: takes a chunked body`, async (t) => {
    const { request } = await play(t, contender);
    const headers = { "transfer-encoding": "chunked" };
    const answer = await request({ path: "/count", method: "POST", headers }, Buffer.alloc(200_000));
    assert.equal(answer.body, "200000");
  });

  test(`${name}: a body that nobody reads does no harm`, async (t) => {
    const { request, errors } = await play(t, contender);
    const answer = await request({ path: "/hello", method: "POST" }, Buffer.alloc(300_000));
    assert.equal(answer.body, "hello");
    assert.deepEqual(errors, []);
  });

  test(`${name}: sends a piece before the next one is made`, async (t) => {
    const { port, release } = await play(t, contender);
    const res = await open(port, "/stream");
    const [first] = await once(res, "data");
    assert.equal(String(first), "first");
    release();
    assert.deepEqual(await drainOf(res), { body: "second", complete: true });
  });

  for (const path of ["/throw", "/reject"]) {
    test(`${name}: ${path} is answered with 500 and told in the log`, async (t) => {
      const { request, errors } = await play(t, contender);
      const answer = await request({ path });
      assert.equal(answer.status, 500);
      assert.match(errors.join("\n"), /thrown by the application/);
    });
  }

  for (const path of ["/half", "/short"]) {
    test(`${name}: ${path} is never taken for a whole answer`, async (t) => {
      const { port, errors } = await play(t, contender);
      const res = await open(port, path).catch(() => undefined);
      if (res !== undefined && res.statusCode !== 500) {
        assert.equal((await drainOf(res)).complete, false);
      }
      assert.equal(errors.length, 1, errors.join("\n"));
    });
  }

  test(`${name}: more than was declared is left out, told, and harms no other answer`, async (t) => {
    const { request, errors, warnings } = await play(t, contender);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const long = await request({ path: "/long", agent });
    assert.deepEqual([long.status, long.headers["content-length"], long.body], [200, "4", "long"]);
    assert.equal((await request({ path: "/hello", agent })).body, "hello");
    assert.deepEqual(errors, []);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /GET \/long gave more than the 4 bytes/);
  });

  test(`${name}: learns that the client is gone`, async (t) => {
    const { port, entered, left, errors } = await play(t, contender);
    const req = http.get({ host: "127.0.0.1", port, path: "/leave", agent: false });
    req.on("error", () => {});
    await entered;
    req.destroy();
    await left;
    assert.deepEqual(errors, []);
  });

  test(`${name}: makes no more than the client takes, and stops when it goes`, async (t) => {
    const { port, left, errors } = await play(t, contender);
    const res = await open(port, "/endless");
    let taken = 0;
    for await (const chunk of res) {
      taken += chunk.length;
      if (taken > 4 * PIECE.length) break; // destroys it
    }
    const made = await left;
    assert.ok(made >= taken);
    // Kernel buffers on both sides and what Node holds; without back-pressure there is no end.
    assert.ok(made < taken + 32 * PIECE.length, `made ${made}, taken ${taken}`);
    assert.deepEqual(errors, []);
  });
}
