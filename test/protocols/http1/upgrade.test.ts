// Requests that ask for another protocol on their connection.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { HANDS_OVER_STREAM } from "../../../src/protocols/http1/upgrade.ts";
import type { WorkerKind } from "../../../src/workers/contract.ts";
import { eventloop } from "../../../src/workers/eventloop.ts";
import { threaded } from "../../../src/workers/threaded.ts";
import { type Client, connect } from "../../contract/client.ts";
import { type Rig, rig } from "../../contract/rig.ts";

const ECHO = "Connection: keep-alive, Upgrade\r\nUpgrade: echo\r\n";
const WEBSOCKET = "Connection: Upgrade\r\nUpgrade: WebSocket\r\n";
const H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

const head = (path: string, fields: string, method = "GET"): string =>
  `${method} ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

interface Bed extends Rig {
  readonly client: Client;
}

async function bed(
  t: TestContext,
  settings: Parameters<typeof rig>[1] = {},
  kind: WorkerKind = eventloop,
): Promise<Bed> {
  const served = await rig(kind, settings, (protocol) => protocol === "echo" || protocol === "websocket");
  t.after(() => served.serving.stop());
  return { ...served, client: await connect(served.port) };
}

/** Sends the request, and answers it as whoever takes the connection does; `rest` comes right behind the request. */
async function open({ client, held }: Bed, fields = ECHO, rest = "", leave?: (code: number) => void) {
  client.send(head("/hold", fields) + rest);
  const { exchange } = await held();
  const taken = exchange.upgrade?.take(leave);
  assert.ok(taken);
  taken.socket.write(SWITCHING);
  await client.saw("\r\n\r\n");
  return { exchange, ...taken };
}

describe("an upgrade", () => {
  it("hands the connection over with what came behind the request, and is over at its end", async (t) => {
    const one = await bed(t);
    const { exchange, socket, head: rest } = await open(one, ECHO, "early");
    assert.equal(exchange.upgrade?.protocol, "echo");
    assert.equal(String(rest), "early");
    assert.deepEqual([one.upgraded, one.over], [["/hold"], []]);
    socket.on("data", (piece) => socket.write(piece));
    one.client.send("ping");
    await one.client.saw("ping");
    socket.end();
    one.client.end();
    await one.client.closed();
    await new Promise((resolve) => (one.over.length > 0 ? resolve(0) : socket.on("close", resolve)));
    assert.deepEqual(one.over, ["/hold"]);
    assert.equal(exchange.status, 101);
  });

  it("is answered like any request where nobody takes the connection", async (t) => {
    const { client, held, over, upgraded } = await bed(t);
    client.send(head("/hold", ECHO));
    const { res } = await held();
    res.statusCode = 403;
    res.end("no");
    const { status, body, headers } = await client.response();
    assert.deepEqual([status, body, headers.get("connection")], [403, "no", "close"]);
    client.end();
    await client.closed();
    assert.deepEqual([over, upgraded], [["/hold"], []]);
  });

  it("tells the status that the taker has refused it with", async (t) => {
    const { client, held, upgraded } = await bed(t);
    client.send(head("/hold", ECHO));
    const { exchange } = await held();
    exchange.upgrade?.take().socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert.equal((await client.response()).status, 404);
    assert.equal(exchange.status, 404);
    assert.deepEqual(upgraded, []);
  });

  it("passes the rules", async (t) => {
    const { client, seen, warnings } = await bed(t);
    client.send(head("/hold", `${ECHO}Host: b\r\n`));
    assert.equal((await client.response()).status, 400);
    client.end();
    await client.closed();
    assert.deepEqual(seen, []);
    assert.match(warnings.join(), /More than one Host/);
  });

  it("waits for the answers to what came before", async (t) => {
    const { client, held } = await bed(t);
    client.send(head("/hold/1", "") + head("/hold/2", ECHO));
    const first = await held();
    const second = held();
    first.res.end("first");
    assert.equal((await client.response()).body, "first");
    const { exchange } = await second;
    assert.equal(exchange.target, "/hold/2");
    exchange.upgrade?.take().socket.end(SWITCHING);
    await client.saw("101");
  });

  it("aborts the signal when the client goes before it is answered", async (t) => {
    const { client, held } = await bed(t);
    client.send(head("/hold", ECHO));
    const { exchange } = await held();
    const aborted = new Promise((resolve) => exchange.signal.addEventListener("abort", resolve));
    client.destroy();
    await aborted;
  });

  for (const [what, more] of [
    ["nothing", ""],
    ["something", "early"],
  ] as const) {
    it(`is over at its client's end where who took it does nothing, ${what} unread, and the next has its turn`, async (t) => {
      const { client, port, held, over } = await bed(t, {}, threaded);
      client.send(head("/hold", ECHO));
      const { exchange } = await held();
      exchange.upgrade?.take();
      client.send(more);
      client.end();
      const next = await connect(port);
      assert.equal((await next.get("/next")).body, "hello");
      assert.equal(exchange.status, 499);
      assert.equal(over[0], "/hold");
      next.end();
    });
  }

  it("keeps what comes before anybody reads, and leaves the end to who does", async (t) => {
    const { client, held } = await bed(t);
    client.send(head("/hold", ECHO));
    const { exchange } = await held();
    const taken = exchange.upgrade?.take();
    assert.ok(taken);
    const { socket } = taken;
    client.send("early");
    // It comes in though nobody reads.
    while (socket.readableLength < 5) await turn();
    const pieces: string[] = [];
    const ended = new Promise<void>((resolve) => socket.on("end", resolve));
    socket.on("data", (piece) => pieces.push(String(piece)));
    client.send(" and late");
    client.end();
    await ended;
    assert.equal(pieces.join(""), "early and late");
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    assert.match(await client.closed(), /^HTTP\/1.1 400/);
    assert.equal(exchange.status, 400);
  });

  it("survives a keep-alive timeout that began before it", async (t) => {
    const one = await bed(t, { keepalive: 0.05 });
    assert.equal((await one.client.get()).status, 200);
    const { socket } = await open(one);
    const closed = new Promise((resolve) => socket.on("close", resolve));
    // Longer than keepalive: another connection's is over meanwhile.
    const idle = await connect(one.port);
    await idle.get();
    await idle.closed();
    socket.end("still here");
    one.client.end();
    await closed;
    assert.match(await one.client.closed(), /still here$/);
  });
});

describe("an upgrade that nobody wants", () => {
  for (const [name, fields] of [
    ["h2c", H2C],
    ["another", "Connection: Upgrade\r\nUpgrade: tls/1.0\r\n"],
  ] as const) {
    it(`is a plain request: ${name}`, async (t) => {
      const { client, seen } = await bed(t);
      const { status, body, headers } = await client.get("/plain", fields);
      assert.deepEqual([status, body, headers.get("connection")], [200, "hello", "keep-alive"]);
      assert.equal((await client.get("/again", fields)).status, 200);
      assert.deepEqual(seen, ["/plain", "/again"]);
    });
  }

  it("is a plain request: HTTP/1.0", async (t) => {
    const { client } = await bed(t);
    client.send(`GET /plain HTTP/1.0\r\nHost: a\r\n${ECHO}\r\n`);
    const { status, body } = await client.response();
    assert.deepEqual([status, body], [200, "hello"]);
    client.destroy();
  });

  it("keeps its body and what follows", async (t) => {
    const { client, held } = await bed(t);
    client.send(`${head("/hold", `${H2C}Content-Length: 4\r\n`, "POST")}bo`);
    const { req, res } = await held();
    client.send(`dy${head("/next", "")}`);
    let body = "";
    for await (const chunk of req) body += String(chunk);
    res.end(body);
    const answer = await client.response();
    assert.equal(answer.body, "body");
    if (HANDS_OVER_STREAM) {
      // What follows is not read there, and its client is told so.
      assert.equal(answer.headers.get("connection"), "close");
      return;
    }
    assert.equal((await client.response()).body, "hello");
    assert.equal(req.headers.upgrade, undefined);
    assert.equal(req.headers["http2-settings"], undefined);
    assert.equal(req.headers.connection, undefined);
  });

  it("leaves nothing behind on its connection, however often it is asked for", async (t) => {
    const { client, held } = await bed(t);
    const listeners = async (): Promise<string> => {
      client.send(head("/hold", H2C));
      const { exchange, res } = await held();
      const { socket } = exchange.connection;
      const counts = socket.eventNames().map((name) => `${String(name)} ${socket.listenerCount(name)}`);
      res.end();
      await client.response();
      return counts.sort().join();
    };
    const first = await listeners();
    await listeners();
    assert.equal(await listeners(), first);
  });

  it("waits behind the answer to what came before", async (t) => {
    const { client, held } = await bed(t);
    client.send(head("/hold", "") + head("/plain", H2C));
    (await held()).res.end("first");
    assert.equal((await client.response()).body, "first");
    assert.equal((await client.response()).body, "hello");
  });
});

describe("a drain", () => {
  for (const [idle, code] of [
    ["keep", 1012],
    ["close", 1001],
  ] as const) {
    it(`(${idle}) asks who has the connection to leave with ${code}`, async (t) => {
      const one = await bed(t);
      const codes: number[] = [];
      const { socket } = await open(one, WEBSOCKET, "", (asked) => {
        codes.push(asked);
        socket.end("bye");
      });
      const drained = one.serving.drain(idle);
      await one.client.saw("bye");
      one.client.end();
      await drained;
      assert.deepEqual(codes, [code]);
    });

    it(`(${idle}) sends a WebSocket that nobody else ends a close frame`, async (t) => {
      const one = await bed(t);
      const { socket } = await open(one, WEBSOCKET);
      const drained = one.serving.drain(idle);
      const frame = Buffer.from([0x88, 2, code >> 8, code & 0xff]).toString("latin1");
      await one.client.saw(frame);
      socket.end();
      one.client.end();
      await drained;
    });
  }

  it("ends what does not leave, well within gracefulTimeout", async (t) => {
    const one = await bed(t, { gracefulTimeout: 0.2 });
    await open(one, ECHO);
    await one.serving.drain("close");
    await one.client.closed();
  });
});

describe("a threaded worker", () => {
  it("serves others while it has an upgraded connection, one request at a time still", async (t) => {
    const one = await bed(t, {}, threaded);
    const { socket } = await open(one);
    const [second, third] = [await connect(one.port), await connect(one.port)];
    second.send(head("/hold/2", ""));
    const held = await one.held();
    third.send(head("/3", ""));
    assert.deepEqual(one.seen, ["/hold", "/hold/2"]);
    held.res.end("second");
    assert.equal((await second.response()).body, "second");
    assert.equal((await third.response()).body, "hello");
    socket.destroy();
    await one.client.closed().catch(() => undefined);
    assert.equal((await second.get("/4")).body, "hello");
    assert.deepEqual(one.over, ["/hold/2", "/3", "/hold", "/4"]);
  });
});
