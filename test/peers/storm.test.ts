// Reloads under load behind nginx: every request of the clients before it is counted. The long storms are in bench/storm.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { lost, summary } from "../../bench/load/tally.ts";
import { openBed } from "../../bench/storm/bed.ts";
import { FRONTS } from "../../bench/storm/front.ts";
import { hasPeers } from "./peer.ts";

const RELOADS = 4;

for (const front of FRONTS) {
  test(`${front}: reloads under load lose nothing`, async (t) => {
    if (!hasPeers(t, "nginx")) return;
    const combination = {
      kind: "eventloop",
      interface: "node",
      keepAlive: true,
      unix: true,
      pipeline: 1,
      front,
    };
    const bed = await openBed(t, combination);
    const load = bed.load({ connections: 8, rate: 200 });
    for (let i = 1; i <= RELOADS; i++) {
      bed.server.signal("SIGHUP");
      await bed.server.saw(/Reload complete/, i);
      await load.outcomes(40);
    }
    const tally = await load.stop();
    await bed.server.stop();
    const losses = tally.losses.slice(0, 10).map(({ outcome, detail }) => `${outcome}: ${detail}`);
    assert.equal(lost(tally), 0, `${summary(tally)}\n${losses.join("\n")}`);
    assert.ok(tally.pids.size > RELOADS, `only ${tally.pids.size} workers served`);
  });
}
