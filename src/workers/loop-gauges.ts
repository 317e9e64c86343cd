// How an event loop and its heap are: measured by Node, put into the ledger from time to time.

import { constants, monitorEventLoopDelay, PerformanceObserver, performance } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";
import type { Ledger } from "../metrics/ledger.ts";
import type { COLLECTIONS, Losses } from "../metrics/row.ts";

/** How often, in milliseconds. */
const EVERY = 1_000;
/** How often the loop's delay is measured, in milliseconds: Node counts the interval as part of it. */
const RESOLUTION = 20;
/** After so many looks the delays of before are forgotten. */
const WINDOW = 5;

type Collection = (typeof COLLECTIONS)[number];

/** https://nodejs.org/api/perf_hooks.html#garbage-collection-gc-details */
const KINDS: ReadonlyMap<unknown, Collection> = new Map<unknown, Collection>([
  [constants.NODE_PERFORMANCE_GC_MINOR, "minor"],
  [constants.NODE_PERFORMANCE_GC_MAJOR, "major"],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, "incremental"],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, "weakcb"],
]);

/** `lost` tells what the logs of the process, or of this thread of it, have lost. */
export function observeLoop(ledger: Ledger, lost: () => Losses): void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  delay.enable();
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION / 1e3);
  let before = performance.eventLoopUtilization();
  let looks = 0;
  const look = (): void => {
    const now = performance.eventLoopUtilization();
    const { heapUsed, heapTotal } = process.memoryUsage();
    const known = delay.count > 0;
    ledger.gauges({
      delayP50: known ? late(delay.percentile(50)) : 0,
      delayP99: known ? late(delay.percentile(99)) : 0,
      delayMax: known ? late(delay.max) : 0,
      utilization: performance.eventLoopUtilization(now, before).utilization,
      heapUsed,
      heapTotal,
      looks: ++looks,
    });
    before = now;
    ledger.lost(lost());
    // Of a process, not of its threads.
    if (isMainThread) {
      const { user, system } = process.cpuUsage();
      ledger.processor((user + system) / 1e6);
    }
    if (looks % WINDOW === 0) delay.reset();
  };
  setInterval(look, EVERY).unref();

  // Node tells of them in batches.
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const kind = KINDS.get(kindOf("detail" in entry ? entry.detail : undefined));
      if (kind !== undefined) ledger.collected(kind, entry.duration);
    }
  }).observe({ entryTypes: ["gc"] });
}

const kindOf = (detail: unknown): unknown =>
  typeof detail === "object" && detail !== null && "kind" in detail ? detail.kind : undefined;
