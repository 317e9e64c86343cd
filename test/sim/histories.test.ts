// 10,000 random lifecycles unless TGUNICORN_SIM_RUNS says otherwise, from TGUNICORN_SIM_SEED on where that is set: the
// same each time, so that what breaks them is the change at hand. `npm run sim` runs 100,000 others by itself.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Broken, report, runHistory } from "./history.ts";
import { firstSeed, runs } from "./settings.ts";

test("random lifecycles hold all invariants", (t) => {
  const seed = firstSeed(1);
  const count = runs(10_000);
  t.diagnostic(`${count} lifecycles from TGUNICORN_SIM_SEED=${seed}`);
  const broken: Broken[] = [];
  for (let run = 0; run < count && broken.length < 3; run++) {
    const found = runHistory(seed + run);
    if (found !== null) broken.push(found);
  }
  assert.equal(broken.length, 0, broken.map(report).join("\n\n"));
});

test("a seed repeats its history exactly", () => {
  for (const seed of [1, 2, 3]) assert.deepEqual(trace(seed), trace(seed));
  assert.notDeepEqual(trace(1), trace(2));
});

function trace(seed: number): string[] {
  const lines: string[] = [];
  runHistory(seed, { keep: (world) => lines.push(...world.lines()) });
  assert.ok(lines.length > 0);
  return lines;
}
