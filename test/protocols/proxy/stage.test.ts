// PROXY headers before HTTP/1, on real connections.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { eventloop } from "../../../src/workers/eventloop.ts";
import { sync } from "../../../src/workers/sync.ts";
import { connect } from "../../contract/client.ts";
import { type Rig, rig } from "../../contract/rig.ts";
import { tlv, v1, v2, v2Of } from "./headers.ts";

const GET = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n";

type Settings = Parameters<typeof rig>[1];

async function proxied(t: TestContext, settings: Settings = {}, kind = eventloop): Promise<Rig> {
  const one = await rig(kind, { proxyProtocol: "auto", ...settings });
  t.after(() => one.serving.stop());
  return one;
}

describe("a connection that a proxy speaks for", () => {
  for (const [what, header] of [
    ["version 1", v1("192.0.2.1", 4711)],
    ["version 2", v2Of("192.0.2.1", 4711, tlv(0x05, [1, 2, 3]))],
  ] as const) {
    for (const bytewise of [false, true]) {
      it(`by ${what}${bytewise ? ", byte by byte" : ""}`, async (t) => {
        const { port, held, warnings } = await proxied(t);
        const client = await connect(port);
        const text = header + GET;
        if (bytewise) {
          for (const byte of text) {
            client.send(byte);
            await new Promise((resolve) => setImmediate(resolve));
          }
        } else client.send(text);
        const { exchange, req, res } = await held();
        assert.deepEqual(exchange.client, { address: "192.0.2.1", port: 4711 });
        assert.deepEqual(exchange.connection.peer, { address: "192.0.2.1", port: 4711 });
        assert.equal(exchange.connection.local.port, port);
        const { remoteAddress, remotePort, remoteFamily } = req.socket;
        assert.deepEqual([remoteAddress, remotePort, remoteFamily], ["192.0.2.1", 4711, "IPv4"]);
        res.end("one");
        assert.equal((await client.response()).body, "one");
        // And the next request on it.
        client.send(GET);
        const next = await held();
        assert.equal(next.exchange.client.address, "192.0.2.1");
        next.res.end("two");
        assert.equal((await client.response()).body, "two");
        client.end();
        await client.closed();
        assert.deepEqual(warnings, []);
      });
    }
  }

  it("may send a large body right behind the header, and pipeline", async (t) => {
    const { port, held, seen } = await proxied(t);
    const client = await connect(port);
    const body = "x".repeat(1 << 20);
    const head = `POST /hold/1 HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`;
    client.send(`${v1("192.0.2.1", 1)}${head}${body}GET /2 HTTP/1.1\r\nHost: a\r\n\r\n`);
    const { req, res } = await held();
    let length = 0;
    for await (const chunk of req) length += String(chunk).length;
    assert.equal(length, body.length);
    res.end("one");
    assert.equal((await client.response()).body, "one");
    assert.equal((await client.response()).body, "hello");
    assert.deepEqual(seen, ["/hold/1", "/2"]);
    client.end();
    await client.closed();
  });

  it("is the proxy's own where the header says so", async (t) => {
    const { port, held } = await proxied(t);
    for (const header of ["PROXY UNKNOWN\r\n", v2(0x20, 0, [])]) {
      const client = await connect(port);
      client.send(header + GET);
      const { exchange, res } = await held();
      assert.equal(exchange.client.address, "127.0.0.1");
      res.end();
      await client.response();
      client.destroy();
    }
  });

  it("has its X-Forwarded headers believed only where the client is trusted", async (t) => {
    const { port, held } = await proxied(t, { forwardedAllowIps: ["127.0.0.1", "10.0.0.0/8"] });
    const text =
      "GET /hold HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\n\r\n";
    const found: string[] = [];
    for (const header of [v1("192.0.2.1", 1), v1("10.0.0.7", 1), ""]) {
      const client = await connect(port);
      client.send(header + text);
      const { exchange, res } = await held();
      found.push(`${exchange.scheme} ${exchange.client.address}`);
      res.end();
      await client.response();
      client.destroy();
    }
    assert.deepEqual(found, ["http 192.0.2.1", "https 192.0.2.9", "https 192.0.2.9"]);
  });

  it("is https where the proxy had TLS", async (t) => {
    const { port, held } = await proxied(t);
    const client = await connect(port);
    client.send(v2Of("192.0.2.1", 1, tlv(0x20, [1, 0, 0, 0, 0])) + GET);
    const { exchange, res } = await held();
    assert.equal(exchange.scheme, "https");
    res.end();
    await client.response();
    client.destroy();
  });

  it("is served by a worker that takes one at a time", async (t) => {
    const { port, held } = await proxied(t, {}, sync);
    const client = await connect(port);
    client.send(v1("192.0.2.1", 1) + GET);
    const { exchange, res } = await held();
    assert.equal(exchange.client.address, "192.0.2.1");
    res.end("done");
    assert.equal((await client.response()).body, "done");
    await client.closed();
  });
});

describe("a PROXY header that is refused", () => {
  for (const [what, header, settings] of [
    ["from who may not send it", v1("192.0.2.1", 1), { proxyAllowIps: ["192.0.2.0/24"] }],
    ["of version 1 as garbage", "PROXY TCP4 nonsense\r\n", {}],
    ["of version 2 as garbage", v2(0x2f, 0, []), {}],
  ] as const) {
    it(`${what} ends the connection with one warning`, async (t) => {
      const { port, warnings, seen, serving } = await proxied(t, settings);
      const client = await connect(port);
      client.send(header + GET);
      assert.equal(await client.closed().catch(() => ""), "");
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? "", /^PROXY header from ip=127\.0\.0\.1 refused: /);
      assert.deepEqual(seen, []);
      await serving.drain("close");
    });
  }

  it("is a malformed request where PROXY is off", async (t) => {
    const { port, seen } = await proxied(t, { proxyProtocol: "off" });
    const client = await connect(port);
    client.send(v1("192.0.2.1", 1) + GET);
    assert.equal((await client.response()).status, 400);
    assert.deepEqual(seen, []);
  });

  it("does not come twice", async (t) => {
    const { port, seen } = await proxied(t);
    const client = await connect(port);
    client.send(v1("192.0.2.1", 1) + v1("192.0.2.2", 2) + GET);
    assert.equal((await client.response()).status, 400);
    assert.deepEqual(seen, []);
  });
});

describe("a connection without a PROXY header", () => {
  it("is served as its own, also from who may not send one", async (t) => {
    for (const proxyAllowIps of [["127.0.0.1"], []]) {
      const { port, held } = await proxied(t, { proxyAllowIps });
      const client = await connect(port);
      client.send(GET);
      const { exchange, res } = await held();
      assert.equal(exchange.client.address, "127.0.0.1");
      res.end();
      await client.response();
      client.destroy();
    }
  });

  it("is closed when its time is up", async (t) => {
    const { port } = await proxied(t, { headerTimeout: 0.1 });
    for (const begun of ["", "PROXY TC"]) {
      const client = await connect(port);
      client.send(begun);
      assert.equal(await client.closed(), "");
    }
  });
});

describe("a drain", () => {
  for (const [what, begun] of [
    ["that is silent", ""],
    ["with half a header", "PROXY TC"],
    ["with a header and no request", v1("192.0.2.1", 1)],
  ] as const) {
    it(`is not held up by a connection ${what}`, async (t) => {
      const { port, serving } = await proxied(t);
      const client = await connect(port);
      // Both have been accepted when the second is answered.
      client.send(begun);
      const other = await connect(port);
      assert.equal((await other.get()).status, 200);
      other.end();
      const began = performance.now();
      await serving.drain("close");
      assert.ok(performance.now() - began < 4_000);
      await client.closed();
    });
  }

  it("answers a request that comes after its header", async (t) => {
    const { port, serving, held } = await proxied(t);
    const client = await connect(port);
    client.send("PROXY TCP4 192.0.2.1 ");
    assert.equal((await (await connect(port)).get()).status, 200);
    const drained = serving.drain("close");
    client.send(`127.0.0.1 1 2\r\n${GET}`);
    const { res } = await held();
    res.end("late");
    const { body, headers } = await client.response();
    assert.deepEqual([body, headers.get("connection")], ["late", "close"]);
    client.end();
    await drained;
  });

  it("and a stop ends who waits at once", async (t) => {
    const { port, serving } = await proxied(t);
    const client = await connect(port);
    client.send("PROXY");
    assert.equal((await (await connect(port)).get()).status, 200);
    await serving.stop();
    await client.closed().catch(() => "");
  });
});
