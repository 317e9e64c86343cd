// Runs random histories: TGUNICORN_SIM_RUNS of them (default 100,000), from TGUNICORN_SIM_SEED on, or from
// a seed of the clock's: every run tries others.

import { report, runHistory } from "./history.ts";
import { firstSeed, runs } from "./settings.ts";

const seed = firstSeed(Date.now() % 1_000_000_000);
const count = runs(100_000);
const started = performance.now();
let broken = 0;
for (let run = 0; run < count && broken < 5; run++) {
  const found = runHistory(seed + run);
  if (found === null) continue;
  broken++;
  console.error(report(found));
}
const seconds = (performance.now() - started) / 1000;
console.log(`${count} random lifecycles from seed ${seed}: ${broken} broken, ${seconds.toFixed(1)} s`);
process.exitCode = broken === 0 ? 0 : 1;
