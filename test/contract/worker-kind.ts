// What every kind of worker has to do, run by each kind's own test.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { WorkerKind } from "../../src/workers/contract.ts";
import { atWork } from "./at-work.ts";
import { type Client, connect } from "./client.ts";
import { malformed } from "./malformed.ts";
import { rig } from "./rig.ts";

export interface Traits {
  readonly keepAlive: boolean;
  /** Requests it has in hand at once, at the most. */
  readonly atOnce: "one" | "many";
}

export function workerKindContract(kind: WorkerKind, traits: Traits): void {
  describe(`${kind.name}: serving`, () => {
    it("answers", async (t) => {
      const { port, serving } = await rig(kind);
      t.after(() => serving.stop());
      const client = await connect(port);
      const { status, headers, body } = await client.get();
      assert.deepEqual([status, body], [200, "hello"]);
      assert.equal(headers.get("connection"), traits.keepAlive ? "keep-alive" : "close");
      if (traits.keepAlive) assert.equal((await client.get("/again")).status, 200);
      else assert.match(await client.closed(), /hello$/);
    });

    it("closes after each answer where keepalive is 0", async (t) => {
      const { port, serving } = await rig(kind, { keepalive: 0 });
      t.after(() => serving.stop());
      const client = await connect(port);
      assert.equal((await client.get()).headers.get("connection"), "close");
      await client.closed();
    });

    it("reads a chunked body that comes byte by byte", async (t) => {
      const { port, serving, held } = await rig(kind);
      t.after(() => serving.stop());
      const client = await connect(port);
      const request =
        "POST /hold HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
      const arrived = held();
      for (const byte of request) {
        client.send(byte);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const { req, res } = await arrived;
      let body = "";
      for await (const chunk of req) body += String(chunk);
      res.end(body.toUpperCase());
      assert.equal((await client.response()).body, "HELLO");
    });

    it("says that each exchange is over, once", async (t) => {
      const { port, serving, over, held } = await rig(kind);
      t.after(() => serving.stop());
      const client = await connect(port);
      await client.get("/one");
      const gone = await connect(port);
      gone.send("GET /hold/two HTTP/1.1\r\nHost: a\r\n\r\n");
      const { exchange } = await held();
      gone.destroy();
      await new Promise((resolve) => exchange.signal.addEventListener("abort", resolve));
      assert.deepEqual(over, ["/one", "/hold/two"]);
      assert.equal(exchange.status, 499);
    });
  });

  describe(`${kind.name}: limits`, () => {
    for (const { name, bytes, status } of malformed) {
      it(`refuses ${name} with ${status}`, async (t) => {
        const { port, serving, seen, warnings } = await rig(kind);
        t.after(() => serving.stop());
        const client = await connect(port);
        client.send(bytes);
        assert.equal((await client.response()).status, status);
        client.end();
        await client.closed();
        assert.deepEqual(seen, []);
        assert.equal(warnings.length, 1);
        assert.match(warnings[0] ?? "", /^Invalid request from ip=127\.0\.0\.1: ./);
      });
    }

    it("refuses the same in small pieces", async (t) => {
      const { port, serving, seen } = await rig(kind);
      t.after(() => serving.stop());
      for (const { name, bytes, status } of malformed.filter((one) => one.bytes.length < 200)) {
        const client = await connect(port);
        for (let at = 0; at < bytes.length; at += 7) {
          client.send(bytes.slice(at, at + 7));
          await new Promise((resolve) => setImmediate(resolve));
        }
        assert.equal((await client.response()).status, status, name);
        client.destroy();
      }
      assert.deepEqual(seen, []);
    });

    it("takes what is just within them, and has none where they are 0", async (t) => {
      const line = `GET /${"x".repeat(4094 - 14)} HTTP/1.1`;
      const size = await rig(kind);
      t.after(() => size.serving.stop());
      const fields = Array.from({ length: 98 }, (_, i) => `X${i}: 1`);
      const client = await connect(size.port);
      client.send([line, "Host: a", `Big: ${"x".repeat(8190 - 7)}`, ...fields, "", ""].join("\r\n"));
      assert.equal((await client.response()).status, 200);

      const free = await rig(kind, { limitRequestLine: 0, limitRequestFields: 0, limitRequestFieldSize: 0 });
      t.after(() => free.serving.stop());
      const other = await connect(free.port);
      const many = Array.from({ length: 3_000 }, (_, i) => `X${i}: 1`);
      other.send(
        [`GET /${"x".repeat(9_000)} HTTP/1.1`, "Host: a", `Big: ${"x".repeat(20_000)}`, ...many, "", ""].join(
          "\r\n",
        ),
      );
      assert.equal((await other.response()).status, 200);
    });

    it("lets a client that still sends read the refusal", async (t) => {
      const { port, serving } = await rig(kind);
      t.after(() => serving.stop());
      const client = await connect(port);
      client.send("POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 60000\r\n\r\n");
      client.send("x".repeat(30_000));
      assert.equal((await client.response()).status, 400);
      client.send("x".repeat(30_000));
      client.end();
      await client.closed();
    });

    it("answers 408 to a head that does not arrive", async (t) => {
      const { port, serving, warned } = await rig(kind, { headerTimeout: 0.2 });
      t.after(() => serving.stop());
      const client = await connect(port);
      client.send("GET / HTTP/1.1\r\nHost:");
      assert.equal((await client.response()).status, 408);
      assert.match(await warned(), /did not arrive in time/);
      client.end();
      await client.closed();
    });
  });

  describe(`${kind.name}: connections`, () => {
    it("has no more of them than workerConnections; the others wait and lose nothing", async (t) => {
      const { port, serving, held, seen } = await rig(kind, { workerConnections: 2 });
      t.after(() => serving.stop());
      const most = traits.atOnce === "one" ? 1 : 2;
      const clients = await Promise.all(Array.from({ length: 6 }, () => connect(port)));
      for (const [i, client] of clients.entries())
        client.send(`GET /hold/${i} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      const answers = Promise.all(clients.map((client) => client.response()));
      for (let answered = 0; answered < 6; ) {
        const batch = await Promise.all(Array.from({ length: Math.min(most, 6 - answered) }, () => held()));
        assert.ok(seen.length - answered <= most, `${seen.length - answered} at once`);
        for (const { res } of batch) res.end("done");
        answered += batch.length;
      }
      for (const { status } of await answers) assert.equal(status, 200);
      for (const client of clients) await client.closed();
    });

    if (traits.atOnce === "one") oneAtATime(kind);
  });

  if (traits.atOnce === "one") atWork(kind);

  describe(`${kind.name}: drain`, () => {
    it("accepts no more, and is done when the last connection is", async () => {
      const { port, serving, held } = await rig(kind);
      const client = await connect(port);
      client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
      const { res } = await held();
      const drained = serving.drain("keep");
      await assert.rejects(connect(port), { code: "ECONNREFUSED" });
      res.end("whole");
      const { headers, body } = await client.response();
      assert.deepEqual([headers.get("connection"), body], ["close", "whole"]);
      await client.closed();
      await drained;
    });

    it("answers what waits in the kernel's queue before it closes the socket", async () => {
      const { port, serving, held } = await rig(kind, { workerConnections: 1 });
      const busy = await connect(port);
      busy.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
      const { res } = await held();
      const waiting = await Promise.all(Array.from({ length: 20 }, () => connect(port)));
      for (const client of waiting) client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      const drained = serving.drain("close");
      res.end("whole");
      assert.equal((await busy.response()).body, "whole");
      for (const client of waiting) assert.equal((await client.response()).body, "hello");
      await drained;
      await assert.rejects(connect(port), { code: "ECONNREFUSED" });
    });

    it("takes in what waits also where it stays busy, and then closes the socket", async () => {
      const { port, serving, held } = await rig(kind, { workerConnections: 1 });
      const busy = await connect(port);
      busy.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
      const { res } = await held();
      const waiting = await Promise.all(Array.from({ length: 20 }, () => connect(port)));
      for (const client of waiting) client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      const drained = serving.drain("close");
      for (;;) {
        const late = await connect(port).catch(() => undefined);
        if (late === undefined) break;
        late.destroy();
      }
      res.end("whole");
      for (const client of waiting) assert.equal((await client.response()).body, "hello");
      await drained;
    });

    it("never cuts an answer that has begun", async () => {
      const { port, serving, held } = await rig(kind);
      const client = await connect(port);
      client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
      const { res } = await held();
      res.write("first");
      const drained = serving.drain("close");
      const large = "x".repeat(8 << 20);
      res.end(large);
      const { body } = await client.response();
      assert.ok(body.includes("first") && body.length > large.length);
      client.end();
      await drained;
    });

    it("ends connections that never say anything", async () => {
      const { port, serving } = await rig(kind);
      const client = await connect(port);
      const marker = await connect(port);
      marker.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      await marker.closed();
      await serving.drain("close");
      assert.equal(await client.closed(), "");
    });

    it("lets half a request come to its end", async () => {
      const { port, serving, seen } = await rig(kind);
      const client = await connect(port);
      client.send("GET /half HTTP/1.1\r\nHo");
      const marker = await connect(port);
      await marker.get("/marker");
      marker.destroy();
      const drained = serving.drain("close");
      client.send("st: a\r\n\r\n");
      assert.equal((await client.response()).headers.get("connection"), "close");
      await drained;
      assert.deepEqual(seen, ["/marker", "/half"]);
    });

    if (traits.keepAlive) idleConnections(kind, traits);
  });
}

function idleConnections(kind: WorkerKind, traits: Traits): void {
  const idle = async (port: number): Promise<Client> => {
    const client = await connect(port);
    await client.get();
    return client;
  };

  it("`close` ends idle connections at once", async () => {
    const { port, serving } = await rig(kind);
    const client = await idle(port);
    await serving.drain("close");
    await client.closed();
  });

  it("`keep` leaves them for one more request, which is told to be the last", async () => {
    const { port, serving } = await rig(kind);
    const client = await idle(port);
    const drained = serving.drain("keep");
    assert.equal((await client.get()).headers.get("connection"), "close");
    await drained;
  });

  it("`keep` lets them live out their time", async () => {
    const { port, serving } = await rig(kind, { keepalive: 0.1 });
    const client = await idle(port);
    await serving.drain("keep");
    await client.closed();
  });

  it("`close` may follow `keep`", async () => {
    const { port, serving } = await rig(kind);
    const client = await idle(port);
    const drained = serving.drain("keep");
    await serving.drain("close");
    await client.closed();
    await drained;
  });

  it("runs no request that it would not answer", async () => {
    const { port, serving, held, seen } = await rig(kind);
    const client = await connect(port);
    client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    const { res } = await held();
    const drained = serving.drain("close");
    const late = await Promise.race([client.get("/late"), Promise.resolve("sent")]);
    assert.equal(late, "sent");
    res.end("last");
    await client.closed();
    await drained;
    assert.deepEqual(seen, ["/hold"]);
  });

  it("answers pipelined requests in their order", async (t) => {
    const { port, serving, held } = await rig(kind);
    t.after(() => serving.stop());
    const client = await connect(port);
    client.send("GET /hold/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /hold/2 HTTP/1.1\r\nHost: a\r\n\r\n");
    const first = await held();
    const early = traits.atOnce === "many" ? await held() : undefined;
    const drained = serving.drain("close");
    early?.res.end("two");
    first.res.end("one");
    if (early === undefined) (await held()).res.end("two");
    assert.deepEqual([(await client.response()).body, (await client.response()).body], ["one", "two"]);
    await client.closed();
    await drained;
  });
}

function oneAtATime(kind: WorkerKind): void {
  it("isn't held up by a connection that says nothing", async (t) => {
    const { port, serving } = await rig(kind);
    t.after(() => serving.stop());
    const silent = await connect(port);
    const client = await connect(port);
    assert.equal((await client.get()).status, 200);
    silent.destroy();
  });

  it("keeps what comes meanwhile in order, and forgets who has left", async (t) => {
    const { port, serving, held, seen } = await rig(kind);
    t.after(() => serving.stop());
    // Each is accepted, being silent, before the next.
    const [first, second, third] = [await connect(port), await connect(port), await connect(port)];
    const last = await connect(port);
    await last.get("/accepted");
    first.send("GET /hold/1 HTTP/1.1\r\nHost: a\r\n\r\n");
    const running = await held();
    second.send("GET /hold/2 HTTP/1.1\r\nHost: a\r\n\r\n");
    third.send("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    second.destroy();
    running.res.end("one");
    assert.equal((await first.response()).body, "one");
    // Whether the second had left in time is the kernel's affair; it holds nobody up.
    const next = await Promise.race([third.response(), held()]);
    if ("res" in next) next.res.end();
    assert.equal("res" in next ? (await third.response()).status : next.status, 200);
    assert.equal(seen.at(-1), "/3");
  });
}
