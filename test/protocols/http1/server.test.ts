import assert from "node:assert/strict";
import { finished } from "node:stream/promises";
import { describe, it, type TestContext } from "node:test";
import { eventloop } from "../../../src/workers/eventloop.ts";
import { connect } from "../../contract/client.ts";
import { rig } from "../../contract/rig.ts";

const head = (...lines: readonly string[]): string => `${lines.join("\r\n")}\r\n\r\n`;

describe("the scheme of an exchange", () => {
  const cases = [
    { allowed: ["127.0.0.1"], expected: "https" },
    { allowed: ["10.0.0.0/8"], expected: "http" },
  ] as const;
  for (const { allowed, expected } of cases) {
    it(`is ${expected} where ${allowed[0]} may speak for clients`, async (t) => {
      const { port, serving, held } = await rig(eventloop, { forwardedAllowIps: allowed });
      t.after(() => serving.stop());
      const client = await connect(port);
      client.send(head("GET /hold HTTP/1.1", "Host: a", "X-Forwarded-Proto: https"));
      const { exchange, res } = await held();
      assert.equal(exchange.scheme, expected);
      assert.equal(exchange.connection.peer.address, "127.0.0.1");
      assert.equal(exchange.connection.local.port, port);
      res.end();
      await client.response();
    });
  }

  it("may be contradictory where nobody believes it", async (t) => {
    const { port, serving } = await rig(eventloop, { forwardedAllowIps: [] });
    t.after(() => serving.stop());
    const client = await connect(port);
    const { status } = await client.get("/", "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n");
    assert.equal(status, 200);
  });
});

describe("nobody is blamed for an invalid request", () => {
  it("where the application destroys its own response", async (t) => {
    const { port, serving, held, warnings } = await rig(eventloop);
    t.after(() => serving.stop());
    const client = await connect(port);
    client.send(head("GET /hold HTTP/1.1", "Host: a"));
    (await held()).res.destroy(new Error("own"));
    await client.closed();
    assert.deepEqual(warnings, []);
  });

  for (const [where, sent] of [
    ["a head", "GET / HTTP/1.1\r\nHo"] as const,
    ["a body", `${head("POST / HTTP/1.1", "Host: a", "Content-Length: 9")}half`] as const,
    ["a chunked body", `${head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked")}4\r\nha`] as const,
  ]) {
    it(`where a client leaves in the middle of ${where}`, async (t) => {
      const { port, serving, warnings } = await rig(eventloop);
      t.after(() => serving.stop());
      const client = await connect(port);
      client.send(sent);
      client.end();
      await client.closed();
      assert.deepEqual(warnings, []);
    });
  }
});

describe("what comes after a request", () => {
  it("does not harm the answer to it when it is malformed", async (t) => {
    const { port, serving, held, warned, seen } = await rig(eventloop);
    t.after(() => serving.stop());
    const client = await connect(port);
    client.send(`${head("GET /hold HTTP/1.1", "Host: a")}nonsense\r\n\r\n`);
    const { res } = await held();
    await warned();
    res.end("whole");
    assert.equal((await client.response()).body, "whole");
    client.end();
    await client.closed();
    assert.deepEqual(seen, ["/hold"]);
  });

  it("is answered in its turn when it is refused", async (t) => {
    const { port, serving, held } = await rig(eventloop);
    t.after(() => serving.stop());
    const client = await connect(port);
    client.send(head("GET /hold HTTP/1.1", "Host: a") + head("GET / HTTP/1.1", "Host: a", "Host: b"));
    const { res } = await held();
    res.end("first");
    assert.equal((await client.response()).body, "first");
    assert.equal((await client.response()).status, 400);
  });

  it("fails the request when it is its own broken body", async (t) => {
    const { port, serving, held } = await rig(eventloop);
    t.after(() => serving.stop());
    const client = await connect(port);
    client.send(`${head("POST /hold HTTP/1.1", "Host: a", "Transfer-Encoding: chunked")}zz\r\n`);
    const { exchange } = await held();
    assert.equal((await client.response()).status, 400);
    client.end();
    await client.closed();
    assert.equal(exchange.signal.aborted, true);
  });
});

describe("Expect", () => {
  it("is granted for a good request only", async (t) => {
    const { port, serving, held } = await rig(eventloop);
    t.after(() => serving.stop());
    const client = await connect(port);
    const expecting = ["Content-Length: 2", "Expect: 100-continue"];
    client.send(head("POST /hold HTTP/1.1", "Host: a", ...expecting));
    assert.equal((await client.response()).status, 100);
    const { req, res } = await held();
    client.send("ok");
    let body = "";
    for await (const chunk of req) body += String(chunk);
    res.end(body);
    assert.equal((await client.response()).body, "ok");

    const other = await connect(port);
    other.send(head("POST / HTTP/1.1", "Host: a", "Host: b", ...expecting));
    assert.equal((await other.response()).status, 400);
  });

  it("is refused with 417 for anything else", async (t) => {
    const { port, serving, seen } = await rig(eventloop);
    t.after(() => serving.stop());
    const client = await connect(port);
    assert.equal((await client.get("/", "Expect: miracles\r\n")).status, 417);
    assert.deepEqual(seen, []);
  });
});

it("an upgrade that nobody asked for is an ordinary request", async (t) => {
  const { port, serving } = await rig(eventloop);
  t.after(() => serving.stop());
  const client = await connect(port);
  const { status } = await client.get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
  assert.equal(status, 200);
});

it("exchanges that wait behind another are over when their client leaves", async (t) => {
  const { port, serving, held, over } = await rig(eventloop);
  t.after(() => serving.stop());
  const client = await connect(port);
  client.send(head("GET /hold/1 HTTP/1.1", "Host: a") + head("GET /hold/2 HTTP/1.1", "Host: a"));
  const [first, second] = [await held(), await held()];
  const aborted = new Promise((resolve) => second.exchange.signal.addEventListener("abort", resolve));
  client.destroy();
  await aborted;
  assert.equal(first.exchange.signal.aborted, true);
  assert.deepEqual(over, ["/hold/1", "/hold/2"]);
});

describe("an answer that waits behind another when the client leaves", () => {
  const waiting = async (t: TestContext) => {
    const { port, serving, held } = await rig(eventloop);
    t.after(() => serving.stop());
    const client = await connect(port);
    client.send(head("GET /hold/1 HTTP/1.1", "Host: a") + head("GET /hold/2 HTTP/1.1", "Host: a"));
    await held();
    return { client, ...(await held()) };
  };

  it("is not waited for to be drained", async (t) => {
    const { client, exchange } = await waiting(t);
    exchange.head(200, undefined, []);
    assert.equal(exchange.write("x".repeat(1_000_000)), false);
    const drained = exchange.drained();
    client.destroy();
    await assert.rejects(drained, /the client closed the connection/);
    await assert.rejects(exchange.drained(), /the client closed the connection/);
  });

  it("is told, once, and is closed for who asks later", async (t) => {
    const { client, exchange, res } = await waiting(t);
    let closes = 0;
    const told = new Promise<void>((resolve) => {
      res.on("close", () => {
        closes++;
        resolve();
      });
    });
    client.destroy();
    await told;
    await assert.rejects(finished(res));
    assert.deepEqual([closes, res.destroyed, exchange.signal.aborted], [1, true, true]);
  });
});

describe("a head beyond what node's parser takes", () => {
  const cases = [
    { what: "in its first line", bytes: `GET /${"x".repeat(830_000)}`, status: 414 },
    {
      what: "in its fields",
      bytes: `GET / HTTP/1.1\r\nHost: a\r\n${"X: some value or other of a field\r\n".repeat(27_500)}`,
      status: 431,
    },
    {
      what: "in a single field",
      bytes: `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${"a=1; ".repeat(166_000)}`,
      status: 431,
    },
  ];
  for (const { what, bytes, status } of cases) {
    it(`is answered with ${status} where that was ${what}`, async (t) => {
      const { port, serving, seen } = await rig(eventloop);
      t.after(() => serving.stop());
      const client = await connect(port);
      client.send(bytes);
      assert.equal((await client.response()).status, status);
      assert.deepEqual(seen, []);
    });
  }
});
