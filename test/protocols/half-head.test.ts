// Half a request's head is no request in flight: it holds no drain up.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { ProtocolName } from "../../src/config/config.ts";
import { eventloop } from "../../src/workers/eventloop.ts";
import { fastcgiHead, scgiHead, uwsgiHead, variablesOf } from "../contract/cgi.ts";
import { type Client, connect } from "../contract/client.ts";
import { type Rig, rig } from "../contract/rig.ts";

const HEAD = "GET /half HTTP/1.1\r\nHost: a\r\n\r\n";
const HALF = HEAD.slice(0, 25);

interface Halves extends Rig {
  readonly client: Client;
  /** Lets the drain's clock see that so many milliseconds have gone by, and what is due then come to its end. */
  pass(milliseconds: number): Promise<void>;
}

/** A client that has been answered where `asks`, and whose half a head is read. */
async function halves(t: TestContext, protocol: ProtocolName, sent: string, asks = false): Promise<Halves> {
  let ahead = 0;
  const now = performance.now.bind(performance);
  t.mock.method(performance, "now", () => now() + ahead);
  t.mock.timers.enable({ apis: ["setInterval"] });
  const served = await rig(eventloop, {}, undefined, protocol);
  t.after(() => served.serving.stop());
  const client = await connect(served.port);
  if (asks) await client.get("/first");
  client.send(sent);
  // Accepted, and read, behind the other: this one is closed for what is no protocol at all.
  const marker = await connect(served.port);
  marker.send(protocol === "http" ? "\n!\r\n\r\n" : "!".repeat(100));
  await marker.closed().catch(() => "reset");
  const pass = async (milliseconds: number): Promise<void> => {
    ahead += milliseconds;
    t.mock.timers.tick(50);
    for (let i = 0; i < 10; i++) await turn();
  };
  return { ...served, client, pass };
}

describe("half a head in a drain", () => {
  for (const idle of ["keep", "close"] as const) {
    for (const asks of [false, true]) {
      it(`is refused after 2 s: ${idle}, ${asks ? "behind a request" : "the first"}`, async (t) => {
        const { serving, client, pass, seen } = await halves(t, "http", HALF, asks);
        const drained = serving.drain(idle);
        await pass(50);
        await pass(2_000);
        const { status, headers } = await client.response();
        assert.deepEqual([status, headers.get("connection")], [408, "close"]);
        await drained;
        assert.equal(seen.includes("/half"), false);
      });
    }
  }

  it("is answered where the rest was there unread", async (t) => {
    const { serving, client, pass } = await halves(t, "http", HALF);
    const drained = serving.drain("close");
    await pass(50);
    client.send(HEAD.slice(HALF.length));
    await pass(2_000);
    assert.equal((await client.response()).status, 200);
    await drained;
  });

  it("has 2 s more for each piece that comes", async (t) => {
    const { serving, client, pass } = await halves(t, "http", HALF);
    const drained = serving.drain("close");
    await pass(50);
    client.send(HEAD[HALF.length] ?? "");
    await pass(2_000);
    client.send(HEAD.slice(HALF.length + 1));
    assert.equal((await client.response()).status, 200);
    await drained;
  });

  it("is none where a connection only waits for its next request", async (t) => {
    const { serving, client, pass } = await halves(t, "http", "", true);
    const drained = serving.drain("keep");
    for (const milliseconds of [50, 2_000, 2_000]) await pass(milliseconds);
    assert.equal((await client.get("/next")).status, 200);
    await drained;
  });

  for (const [protocol, head] of [
    ["uwsgi", uwsgiHead(variablesOf({}))],
    ["scgi", scgiHead(variablesOf({}))],
    ["fastcgi", fastcgiHead(1, variablesOf({}))],
  ] as const) {
    it(`is refused after 2 s: ${protocol}`, async (t) => {
      const { serving, client, pass, seen } = await halves(t, protocol, head.toString("latin1", 0, 30));
      const drained = serving.drain("close");
      await pass(50);
      await pass(2_000);
      // FastCGI has no way to refuse what has begun: that is a reset.
      await client.closed().catch(() => "reset");
      await drained;
      assert.deepEqual(seen, []);
    });
  }
});
