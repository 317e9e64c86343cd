// Reloads under clients whose connections outlive an answer. The long storms are in bench/storm.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { lost, summary, type Tally } from "../../bench/load/tally.ts";
import { compareEchoes, openHttp2, openSockets } from "../../bench/storm/reconnects.ts";
import type { Server } from "./server.ts";

const RELOADS = 4;
const plain = { keepAlive: true, unix: false };

async function reloads(server: Server, load: { outcomes(count: number): Promise<void> }): Promise<void> {
  for (let i = 1; i <= RELOADS; i++) {
    server.signal("SIGHUP");
    await server.saw(/Reload complete/, i);
    await load.outcomes(60);
  }
}

function nothingLost(tally: Tally): void {
  const losses = tally.losses.slice(0, 10).map(({ outcome, detail }) => `${outcome}: ${detail}`);
  assert.equal(lost(tally), 0, `${summary(tally)}\n${losses.join("\n")}`);
  assert.ok(tally.pids.size > RELOADS, `only ${tally.pids.size} workers served`);
}

for (const kind of ["sync", "eventloop", "threaded"]) {
  test(`${kind}: reloads lose no HTTP/2 request`, async (t) => {
    const { server, load } = await openHttp2(t, { ...plain, kind, interface: "node", pipeline: 1 });
    await reloads(server, load);
    const tally = await load.stop();
    await server.stop();
    nothingLost(tally);
  });

  for (const name of ["node", "asgi"]) {
    test(`${kind}, ${name}: reloads close WebSockets with 1012, and lose no echo`, async (t) => {
      const combination = { ...plain, kind, interface: name, pipeline: 4 };
      const { server, load } = await openSockets(t, combination);
      await reloads(server, load);
      const tally = await load.stop();
      await server.stop();
      nothingLost(tally);
      assert.ok(load.restarts >= RELOADS, `only ${load.restarts} were closed with 1012`);
      assert.deepEqual(compareEchoes(server, load, combination).failures, []);
    });
  }
}
