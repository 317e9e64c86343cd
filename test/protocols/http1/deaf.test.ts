// What comes in behind the last answer of a connection.

import assert from "node:assert/strict";
import diagnostics from "node:diagnostics_channel";
import { once } from "node:events";
import { Readable } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { WorkerKind } from "../../../src/workers/contract.ts";
import { eventloop } from "../../../src/workers/eventloop.ts";
import { sync } from "../../../src/workers/sync.ts";
import { type Client, connect } from "../../contract/client.ts";
import { type Held, type Rig, rig } from "../../contract/rig.ts";

const head = (...lines: readonly string[]): string => `${lines.join("\r\n")}\r\n\r\n`;
const HELD = head("GET /hold HTTP/1.1", "Host: a");
const NEXT = head("GET / HTTP/1.1", "Host: a");
const UPGRADE = head("GET / HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket");
const CONNECT = head("CONNECT a:1 HTTP/1.1", "Host: a");
/** 20 MB. */
const FLOOD = NEXT.repeat(Math.ceil(20_000_000 / NEXT.length));

interface Bed extends Rig {
  readonly client: Client;
  /** How many pairs node has made. */
  pairs(): number;
}

async function bed(t: TestContext, kind: WorkerKind): Promise<Bed> {
  const served = await rig(kind, {}, (protocol) => protocol === "websocket");
  let made = 0;
  const count = (): void => void made++;
  diagnostics.subscribe("http.server.request.start", count);
  t.after(() => {
    diagnostics.unsubscribe("http.server.request.start", count);
    void served.serving.stop();
  });
  return { ...served, client: await connect(served.port), pairs: () => made };
}

/** Until the server has read so much on the connection. */
async function read({ exchange }: Held, bytes: number): Promise<void> {
  while (exchange.connection.socket.bytesRead < bytes) await turn();
}

describe("behind the last answer", () => {
  for (const [what, kind, sent] of [
    ["an endless stream of requests", sync, HELD] as const,
    ["one that asks for another protocol", sync, HELD + UPGRADE] as const,
    ["another that asks for another protocol", sync, HELD + NEXT + UPGRADE] as const,
    ["CONNECT", sync, HELD + CONNECT] as const,
    [
      "what follows a refused request",
      eventloop,
      HELD + head("GET / HTTP/1.1", "Host: a", "Host: b"),
    ] as const,
    ["what follows nonsense", eventloop, `${HELD}nonsense\r\n\r\n`] as const,
  ]) {
    it(`${what} is read, but costs nothing`, async (t) => {
      const { client, held, seen, pairs } = await bed(t, kind);
      client.send(sent + FLOOD);
      const first = await held();
      await read(first, sent.length + FLOOD.length);
      assert.ok(pairs() <= 2, `${pairs()} pairs`);
      first.res.end("whole");
      assert.equal((await client.response()).body, "whole");
      client.end();
      await client.closed();
      assert.deepEqual(seen, ["/hold"]);
    });
  }

  it("leaves the body before it whole, however late that is read", async (t) => {
    const { client, held, pairs } = await bed(t, sync);
    const body = "x".repeat(1_000_000);
    client.send(head("POST /hold HTTP/1.1", "Host: a", `Content-Length: ${body.length}`) + body + FLOOD);
    const first = await held();
    await turn();
    let length = 0;
    for await (const chunk of first.req) length += String(chunk).length;
    await read(first, body.length + FLOOD.length);
    assert.equal(length, body.length);
    assert.ok(pairs() <= 2, `${pairs()} pairs`);
    first.res.end("whole");
    assert.equal((await client.response()).body, "whole");
  });

  for (const [what, kind, next] of [
    ["a request", sync, NEXT],
    ["an upgrade", sync, UPGRADE],
    ["CONNECT", sync, CONNECT],
    ["nonsense", eventloop, "nonsense\r\n\r\n"],
  ] as const) {
    it(`leaves the last answer whole for a client that reads late and goes on sending: ${what}`, async (t) => {
      const { client, held } = await bed(t, kind);
      client.send(HELD + next);
      const { res, exchange } = await held();
      const { socket } = exchange.connection;
      client.pause();
      res.end("x".repeat(1_500_000));
      await once(res, "finish");
      if (socket.writable) await once(socket, "finish");
      // Whoever closes now does so in these.
      for (let i = 0; i < 5; i++) await turn();
      const before = socket.bytesRead;
      client.send(NEXT);
      while (socket.bytesRead === before && !socket.destroyed) await turn();
      client.resume();
      assert.equal((await client.response()).body.length, 1_500_000);
      client.end();
      await client.closed();
    });
  }

  for (const [how, leave] of [
    ["ends its side", (client: Client): void => client.end()],
    ["is gone", (client: Client): void => client.destroy()],
  ] as const) {
    for (const [what, next] of [
      ["a request", NEXT],
      ["an upgrade", UPGRADE],
      ["CONNECT", CONNECT],
    ] as const) {
      it(`the client's going is noticed: behind ${what}, it ${how}`, async (t) => {
        const { client, held } = await bed(t, sync);
        client.send(HELD + next + NEXT);
        const { exchange } = await held();
        const aborted = new Promise((resolve) => exchange.signal.addEventListener("abort", resolve));
        leave(client);
        await aborted;
        assert.equal(exchange.status, 499);
      });
    }
  }
});

describe("an answer that is due when another protocol is asked for", () => {
  for (const [what, kind, next] of [
    ["an upgrade", eventloop, UPGRADE.replace("/", "/hold/2")] as const,
    ["an upgrade behind the last", sync, UPGRADE] as const,
    ["CONNECT", eventloop, CONNECT] as const,
    ["CONNECT behind the last", sync, CONNECT] as const,
  ]) {
    it(`is given in full, piece by piece: ${what}`, async (t) => {
      const { client, held } = await bed(t, kind);
      client.send(HELD + next);
      const { exchange } = await held();
      exchange.head(200, undefined, ["Content-Length", "20000000"]);
      for (let sent = 0; sent < 20_000_000; sent += 1_000_000) {
        if (!exchange.write("x".repeat(1_000_000))) await exchange.drained();
      }
      exchange.end();
      assert.equal((await client.response()).body.length, 20_000_000);
    });
  }

  it("hears of it once for all when it may go on", async (t) => {
    const { client, held } = await bed(t, eventloop);
    client.send(HELD + CONNECT);
    const { res } = await held();
    while (res.write("x".repeat(1_000_000)));
    assert.equal(res.writableNeedDrain, true);
    await once(res, "drain");
    assert.equal(res.writableNeedDrain, false);
    Readable.from(["tail"]).pipe(res);
    assert.ok((await client.response()).body.includes("\r\n4\r\ntail\r\n"));
  });

  it("goes before the refusal of CONNECT", async (t) => {
    const { client, held } = await bed(t, eventloop);
    client.send(HELD + CONNECT);
    const { res } = await held();
    res.end("whole");
    assert.equal((await client.response()).body, "whole");
    assert.equal((await client.response()).status, 405);
  });
});

describe("an answer that is cut while it waits for its turn", () => {
  const cut = async (t: TestContext, began: boolean) => {
    const one = await bed(t, eventloop);
    one.client.send(HELD + HELD + HELD);
    const [first, second] = [await one.held(), await one.held(), await one.held()];
    if (began) first.exchange.head(200, undefined, ["Content-Length", "5"]);
    second.exchange.head(200, undefined, ["Content-Length", "9"]);
    second.exchange.write("piece");
    second.exchange.cut();
    return { ...one, first, second };
  };

  for (const began of [false, true]) {
    it(`leaves those before it whole, and is itself none: ${began ? "begun" : "not begun"}`, async (t) => {
      const { client, first, second, over } = await cut(t, began);
      await assert.rejects(second.exchange.drained());
      const closed = new Promise((resolve) => second.res.on("close", resolve));
      first.exchange.end("whole");
      const { body, headers } = await client.response();
      assert.deepEqual([body, headers.get("connection")], ["whole", began ? "keep-alive" : "close"]);
      client.end();
      assert.match(await client.closed(), /whole$/);
      await closed;
      assert.deepEqual(over, ["/hold", "/hold", "/hold"]);
    });
  }

  for (const [how, breakOff, whole] of [
    ["is broken", (client: Client): void => client.send("zz\r\n"), true],
    ["ends with its client", (client: Client): void => client.end(), false],
  ] as const) {
    it(`${whole ? "leaves" : "does not leave"} those before it whole where its request's body ${how}`, async (t) => {
      const { client, held } = await bed(t, eventloop);
      client.send(HELD + head("POST /hold HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"));
      const [first, second] = [await held(), await held()];
      const closed = new Promise((resolve) => second.res.on("close", resolve));
      breakOff(client);
      if (whole) {
        await read(first, first.exchange.connection.socket.bytesRead + 4);
        first.res.end("whole");
        assert.equal((await client.response()).body, "whole");
        client.end();
      }
      await closed;
      assert.equal(first.exchange.status, whole ? 200 : 499);
      assert.equal(second.exchange.status, 499);
    });
  }
});
