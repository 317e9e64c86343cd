// Workers that are replaced after so many requests each.

import type { Undo } from "../../test/process/server.ts";
import { latencies, phaseOf } from "../load/tally.ts";
import { type Combination, leastCapacity, openBed, type Report } from "./bed.ts";

/** At least so many requests, and until the fleet has been replaced several times over. */
export async function recycle(t: Undo, combination: Combination, requests = 10_000): Promise<Report> {
  const workers = 2;
  const bed = await openBed(t, combination, { workers, args: ["--max-requests", "50"] });
  const load = bed.load();
  let asked = 0;
  while (asked < requests || (load.tally.pids.size < 4 * workers && asked < 100 * requests)) {
    await load.outcomes(100);
    asked += 100;
  }
  const tally = await load.stop();
  await bed.server.stop();
  // What TERM ends is no loss of capacity.
  const log = bed.server.log().split("Handling signal: term")[0] ?? "";
  const least = leastCapacity(log);
  const failures = least < workers ? [`capacity fell to ${least} of ${workers} workers`] : [];
  if (tally.pids.size < 4 * workers) failures.push(`only ${tally.pids.size} workers served`);
  return {
    tallies: [tally],
    failures,
    notes: `${tally.pids.size} workers, never fewer than ${least} at once, ${latencies(phaseOf(tally, "all"))}`,
  };
}
