// What holds for every protocol, whatever the application's interface.

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it, type TestContext } from "node:test";
import { wsgi } from "../../src/interfaces/wsgi.ts";
import { latch, type Served, serve } from "../interfaces/serve.ts";
import { asgiApp } from "./asgi-app.ts";
import type { Asked } from "./cgi.ts";
import { type ProtocolApp, protocolApps, type Seen } from "./protocol-apps.ts";
import type { Answer, Conversation, Speaker } from "./speakers.ts";

interface Played extends Served {
  ask(target: string, asked?: Asked): Promise<Conversation>;
  get(target: string, asked?: Asked): Promise<Whole>;
  release(): void;
  readonly entered: Promise<void>;
  readonly left: Promise<void>;
}

interface Whole extends Pick<Answer, "status"> {
  readonly headers: ReadonlyMap<string, string>;
  readonly list: Answer["headers"];
  readonly body: string;
}

async function play(t: TestContext, speaker: Speaker, app: ProtocolApp): Promise<Played> {
  const [released, entered, left] = [latch(), latch(), latch()];
  const made = app.make({ released: released.promise, entered: entered.open, left: left.open });
  const served = await serve(t, made, app.interface, { protocol: speaker.protocol });
  const ask = (target: string, asked: Asked = {}): Promise<Conversation> =>
    speaker.ask(served.port, { target, ...asked });
  return {
    ...served,
    ask,
    get: async (target, asked) => whole(await (await ask(target, asked)).answer()),
    release: () => released.open(),
    entered: entered.promise,
    left: left.promise,
  };
}

async function whole({ status, headers, body }: Answer): Promise<Whole> {
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  return { status, headers: new Map(headers), list: headers, body: Buffer.concat(pieces).toString() };
}

/** Pieces without a wait between them, and how many were wanted. */
function* counted(told: (made: number) => void): Generator<string> {
  let made = 0;
  try {
    while (made < 1_000) {
      made++;
      yield "piece";
    }
  } finally {
    told(made);
  }
}

export function protocolContract(speaker: Speaker): void {
  const isGateway = speaker.protocol !== "http" && speaker.protocol !== "http2";
  for (const app of [...protocolApps, asgiApp]) {
    describe(`${speaker.protocol}, ${app.interface}`, () => {
      contract(speaker, app);
      if (isGateway) gatewayContract(speaker, app);
    });
  }
}

function contract(speaker: Speaker, app: ProtocolApp): void {
  it("answers GET with status, headers and body", async (t) => {
    const { get, errors } = await play(t, speaker, app);
    const { status, headers, body } = await get("/hello");
    assert.deepEqual([status, headers.get("x-one"), body], [200, "1", "hello"]);
    assert.equal(headers.get("transfer-encoding"), undefined);
    assert.deepEqual(errors, []);
  });

  it("answers in whole a client that would take trailers", async (t) => {
    const { get, errors } = await play(t, speaker, app);
    for (const target of ["/hello", "/empty", "/cookies"]) {
      const { status } = await get(target, { headers: { TE: "trailers" } });
      assert.equal(status, target === "/empty" ? 204 : 200);
    }
    assert.deepEqual(errors, []);
  });

  if (app.interface === "node") {
    it("gives the whole body of an answer that announces trailers", async (t) => {
      const { get, errors } = await play(t, speaker, app);
      for (const [target, body] of [
        ["/trailers", "firstsecond"] as const,
        ["/announced", "whole"] as const,
      ]) {
        const answer = await get(target, { headers: { TE: "trailers" } });
        assert.deepEqual([answer.status, answer.body], [200, body]);
      }
      assert.deepEqual(errors, []);
    });
  }

  it("answers HEAD without a body", async (t) => {
    const { get, errors } = await play(t, speaker, app);
    const { status, headers, body } = await get("/hello", { method: "HEAD" });
    assert.deepEqual([status, headers.get("x-one"), body], [200, "1", ""]);
    assert.deepEqual(errors, []);
  });

  for (const [target, status] of [["/empty", 204] as const, ["/fresh", 304] as const]) {
    it(`answers ${status} without a body`, async (t) => {
      const { get, errors } = await play(t, speaker, app);
      const answer = await get(target);
      assert.deepEqual([answer.status, answer.body], [status, ""]);
      assert.deepEqual(errors, []);
    });
  }

  it("keeps cookies apart", async (t) => {
    const { get } = await play(t, speaker, app);
    const { list } = await get("/cookies");
    const cookies = list.filter(([name]) => name === "set-cookie").map(([, value]) => value);
    assert.deepEqual(cookies, ["a=1", "b=2"]);
  });

  for (const size of [0, 1, 64 * 1024 + 1, 5 * 1024 * 1024]) {
    it(`gives back a body of ${size} bytes`, async (t) => {
      const { get, errors } = await play(t, speaker, app);
      const body = Buffer.alloc(size, "body");
      const answer = await get("/echo", { method: "POST", body });
      assert.equal(answer.status, 200);
      assert.ok(answer.body === body.toString(), `got ${answer.body.length} bytes`);
      assert.deepEqual(errors, []);
    });
  }

  it("is not harmed by a body that nobody reads", async (t) => {
    const { get, errors } = await play(t, speaker, app);
    const answer = await get("/hello", { method: "POST", body: Buffer.alloc(300_000) });
    assert.equal(answer.body, "hello");
    assert.deepEqual(errors, []);
  });

  it("sends a piece before the next one is made", async (t) => {
    const { ask, release } = await play(t, speaker, app);
    const { body } = await (await ask("/stream")).answer();
    const pieces = body[Symbol.asyncIterator]();
    assert.equal(String((await pieces.next()).value), "first");
    release();
    assert.equal(String((await pieces.next()).value), "second");
    assert.equal((await pieces.next()).done, true);
  });

  it("answers 500 where the application fails", async (t) => {
    const { get, errors } = await play(t, speaker, app);
    assert.equal((await get("/throw")).status, 500);
    assert.equal(errors.length, 1);
  });

  it("cuts an answer that the application does not finish", async (t) => {
    const { ask, release, errors } = await play(t, speaker, app);
    const { body } = await (await ask("/half")).answer();
    const pieces = body[Symbol.asyncIterator]();
    assert.equal(String((await pieces.next()).value), "half");
    release();
    await assert.rejects(pieces.next());
    assert.equal(errors.length, 1);
  });

  it("never lets an answer that is too short pass for whole", async (t) => {
    const { get, errors, warnings } = await play(t, speaker, app);
    const answer = await get("/short").catch(() => undefined);
    assert.ok(answer === undefined || answer.status === 500, "it came whole");
    assert.equal(errors.length + warnings.length, 1);
  });

  it("tells the application that the client is gone", async (t) => {
    const { ask, entered, left, errors } = await play(t, speaker, app);
    const conversation = await ask("/leave");
    await entered;
    conversation.leave();
    await left;
    assert.deepEqual(errors, []);
  });

  it("stops an answer without end when the client goes", async (t) => {
    const { ask, left, errors } = await play(t, speaker, app);
    const conversation = await ask("/endless");
    const { body } = await conversation.answer();
    let taken = 0;
    for await (const piece of body) {
      taken += piece.length;
      if (taken > 2_000_000) break;
    }
    conversation.leave();
    await left;
    assert.deepEqual(errors, []);
  });

  if (app.interface === "wsgi") {
    it("makes no more pieces than one for a client that has gone before that", async (t) => {
      const [entered, made] = [latch(), latch<number>()];
      const late = wsgi(async (environ, startResponse) => {
        entered.open();
        await once(environ["tgunicorn.signal"], "abort");
        startResponse("200 OK", []);
        return counted(made.open);
      });
      const { port, errors } = await serve(t, late, "wsgi", { protocol: speaker.protocol });
      const conversation = await speaker.ask(port, { target: "/" });
      await entered.promise;
      conversation.leave();
      assert.equal(await made.promise, 1);
      assert.deepEqual(errors, []);
    });
  }

  if (app.interface === "node") {
    it("keeps the request line as it was sent, whatever a router makes of it", async (t) => {
      const { get, over } = await play(t, speaker, app);
      const ended = over();
      assert.equal((await get("/rewritten")).body, "made another");
      const { method, target } = await ended;
      assert.deepEqual([method, target], ["GET", "/rewritten"]);
    });
  }

  it("shows the request as it is", async (t) => {
    const { get } = await play(t, speaker, app);
    const { body } = await get("/caf%C3%A9/a%2Fb?x=%20y&z", {
      method: "PUT",
      headers: { "X-In": "in", Cookie: "a=1; b=2" },
    });
    const seen: Seen = JSON.parse(body);
    assert.deepEqual(
      [seen.method, seen.target, seen.in, seen.cookie],
      ["PUT", "/caf%C3%A9/a%2Fb?x=%20y&z", "in", "a=1; b=2"],
    );
    if (app.interface === "wsgi") {
      assert.deepEqual([seen.scriptName, seen.pathInfo, seen.query], ["", "/café/a/b", "x=%20y&z"]);
    }
  });
}

/** What a web server in front tells. */
function gatewayContract(speaker: Speaker, app: ProtocolApp): void {
  it("shows the client, the scheme and the mount as the front tells them", async (t) => {
    const { get } = await play(t, speaker, app);
    const { body } = await get("/app/caf%C3%A9", {
      headers: { "X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.9" },
      variables: { HTTPS: "on", SCRIPT_NAME: "/app", X_EXTRA: "extra" },
    });
    const seen: Seen = JSON.parse(body);
    assert.equal(seen.client, "192.0.2.7");
    if (app.interface !== "node") assert.equal(seen.scheme, "https");
    if (app.interface === "wsgi") {
      assert.deepEqual([seen.scriptName, seen.pathInfo, seen.extra], ["/app", "/café", "extra"]);
    }
  });

  it("breaks a body off that the front does not finish", async (t) => {
    const { ask, over, errors } = await play(t, speaker, app);
    const ended = over();
    const conversation = await ask("/echo", { method: "POST", body: "half of it", length: 20 });
    conversation.leave();
    assert.equal((await ended).complete, false);
    assert.deepEqual(errors, []);
  });
}
