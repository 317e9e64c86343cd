// What rows say, for whoever reads them.

import { BUCKETS, FINE_BUCKETS } from "./buckets.ts";
import * as layout from "./row.ts";

export interface Histogram {
  /** How many fell into each of BOUNDS's buckets, the open one last. */
  readonly buckets: readonly number[];
  readonly count: number;
  /** Seconds. */
  readonly sum: number;
}

export interface RequestSeries extends Histogram {
  readonly method: (typeof layout.METHODS)[number];
  readonly status: (typeof layout.STATUSES)[number];
}

/** A row, or several added up, with names. */
export interface Counted {
  readonly begun: number;
  readonly ended: number;
  readonly timedOut: number;
  readonly threadsEnded: number;
  readonly sentBytes: number;
  readonly connections: number;
  readonly closed: number;
  readonly upgraded: number;
  readonly downgraded: number;
  /** Seconds of processor time. */
  readonly processor: number;
  /** Seconds in the garbage collector, by kind. */
  readonly collecting: Readonly<Record<(typeof layout.COLLECTIONS)[number], number>>;
  readonly lost: layout.Losses;
  readonly wait: Histogram;
  /** Those that hold something. */
  readonly requests: readonly RequestSeries[];
}

/** Adds what `row` has counted to `sum`; not what is so just now. */
export function addRow(sum: Float64Array, row: ArrayLike<number>): void {
  for (let at = 0; at < layout.LEDGER_LENGTH; at++) {
    if (at < layout.GAUGES || at >= layout.WAIT) sum[at] = (sum[at] ?? 0) + (row[at] ?? 0);
  }
}

/** Sets the seconds of processor time, where more is known of them than the row says. */
export function burnt(row: Float64Array, seconds: number): void {
  row[layout.PROCESSOR] = Math.max(row[layout.PROCESSOR] ?? 0, seconds);
}

export function readCounted(row: ArrayLike<number>): Counted {
  const at = (place: number): number => row[place] ?? 0;
  const [minor, incremental, major, weakcb] = layout.COLLECTIONS.map((_, kind) =>
    at(layout.COLLECTING + kind),
  );
  const requests: RequestSeries[] = [];
  for (const [m, method] of layout.METHODS.entries()) {
    for (const [s, status] of layout.STATUSES.entries()) {
      const series = histogramAt(row, layout.seriesAt(m, s));
      if (series.count > 0) requests.push({ method, status, ...series });
    }
  }
  return {
    begun: at(layout.BEGUN),
    ended: at(layout.ENDED),
    timedOut: at(layout.TIMED_OUT),
    threadsEnded: at(layout.THREADS_ENDED),
    sentBytes: at(layout.SENT),
    connections: at(layout.CONNECTIONS),
    closed: at(layout.CLOSED),
    upgraded: at(layout.UPGRADED),
    downgraded: at(layout.DOWNGRADED),
    processor: at(layout.PROCESSOR),
    collecting: {
      minor: minor ?? 0,
      incremental: incremental ?? 0,
      major: major ?? 0,
      weakcb: weakcb ?? 0,
    },
    lost: {
      error: at(layout.LOST),
      access: at(layout.LOST + 1),
      syslog: at(layout.LOST + 2),
      statsd: at(layout.LOST + 3),
    },
    wait: histogramAt(row, layout.WAIT),
    requests,
  };
}

function histogramAt(row: ArrayLike<number>, from: number): Histogram {
  const buckets = Array.from({ length: BUCKETS }, (_, bucket) => row[from + bucket] ?? 0);
  return { buckets, count: buckets.reduce((sum, n) => sum + n, 0), sum: row[from + BUCKETS] ?? 0 };
}

export function readGauges(row: ArrayLike<number>): layout.LoopGauges {
  const at = (name: (typeof layout.gaugeNames)[number]): number =>
    row[layout.GAUGES + layout.gaugeNames.indexOf(name)] ?? 0;
  return {
    delayP50: at("delayP50"),
    delayP99: at("delayP99"),
    delayMax: at("delayMax"),
    utilization: at("utilization"),
    heapUsed: at("heapUsed"),
    heapTotal: at("heapTotal"),
    looks: at("looks"),
  };
}

/** Requests by their durations, for percentile(). */
export const fineCounts = (row: Float64Array): Float64Array =>
  row.subarray(layout.FINE, layout.FINE + FINE_BUCKETS);

/** What has ended, and how much of that with 5xx or without an answer. */
export function countOf(row: ArrayLike<number>): { readonly ended: number; readonly failed: number } {
  let failed = 0;
  for (const method of layout.METHODS.keys()) {
    for (const status of [layout.SERVER_ERROR, layout.NONE]) {
      const at = layout.seriesAt(method, status);
      for (let bucket = 0; bucket < BUCKETS; bucket++) failed += row[at + bucket] ?? 0;
    }
  }
  return { ended: row[layout.ENDED] ?? 0, failed };
}
