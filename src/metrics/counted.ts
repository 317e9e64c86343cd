// What rows say, for whoever reads them.

import { BUCKETS, FINE_BUCKETS } from "./buckets.ts";
import {
  BEGUN,
  CLOSED,
  COLLECTING,
  COLLECTIONS,
  CONNECTIONS,
  DOWNGRADED,
  ENDED,
  FINE,
  GAUGES,
  gaugeNames,
  LEDGER_LENGTH,
  LOST,
  type LoopGauges,
  type Losses,
  METHODS,
  NONE,
  PROCESSOR,
  SENT,
  SERVER_ERROR,
  STATUSES,
  seriesAt,
  THREADS_ENDED,
  TIMED_OUT,
  UPGRADED,
  WAIT,
} from "./row.ts";

export interface Histogram {
  /** How many fell into each of BOUNDS's buckets, the open one last. */
  readonly buckets: readonly number[];
  readonly count: number;
  /** Seconds. */
  readonly sum: number;
}

export interface RequestSeries extends Histogram {
  readonly method: (typeof METHODS)[number];
  readonly status: (typeof STATUSES)[number];
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
  readonly collecting: Readonly<Record<(typeof COLLECTIONS)[number], number>>;
  readonly lost: Losses;
  readonly wait: Histogram;
  /** Those that hold something. */
  readonly requests: readonly RequestSeries[];
}

export function emptyRow(): Float64Array<ArrayBuffer> {
  return new Float64Array(LEDGER_LENGTH);
}

/** Adds what `row` has counted to `sum`; not what is so just now. */
export function addRow(sum: Float64Array, row: ArrayLike<number>): void {
  for (let at = 0; at < LEDGER_LENGTH; at++) {
    if (at < GAUGES || at >= WAIT) sum[at] = (sum[at] ?? 0) + (row[at] ?? 0);
  }
}

/** Sets the seconds of processor time, where more is known of them than the row says. */
export function burnt(row: Float64Array, seconds: number): void {
  row[PROCESSOR] = Math.max(row[PROCESSOR] ?? 0, seconds);
}

export function readCounted(row: ArrayLike<number>): Counted {
  const at = (place: number): number => row[place] ?? 0;
  const [minor, incremental, major, weakcb] = COLLECTIONS.map((_, kind) => at(COLLECTING + kind));
  const requests: RequestSeries[] = [];
  for (const [m, method] of METHODS.entries()) {
    for (const [s, status] of STATUSES.entries()) {
      const series = histogramAt(row, seriesAt(m, s));
      if (series.count > 0) requests.push({ method, status, ...series });
    }
  }
  return {
    begun: at(BEGUN),
    ended: at(ENDED),
    timedOut: at(TIMED_OUT),
    threadsEnded: at(THREADS_ENDED),
    sentBytes: at(SENT),
    connections: at(CONNECTIONS),
    closed: at(CLOSED),
    upgraded: at(UPGRADED),
    downgraded: at(DOWNGRADED),
    processor: at(PROCESSOR),
    collecting: {
      minor: minor ?? 0,
      incremental: incremental ?? 0,
      major: major ?? 0,
      weakcb: weakcb ?? 0,
    },
    lost: { error: at(LOST), access: at(LOST + 1), syslog: at(LOST + 2), statsd: at(LOST + 3) },
    wait: histogramAt(row, WAIT),
    requests,
  };
}

function histogramAt(row: ArrayLike<number>, from: number): Histogram {
  const buckets = Array.from({ length: BUCKETS }, (_, bucket) => row[from + bucket] ?? 0);
  return { buckets, count: buckets.reduce((sum, n) => sum + n, 0), sum: row[from + BUCKETS] ?? 0 };
}

export function readGauges(row: ArrayLike<number>): LoopGauges {
  const at = (name: (typeof gaugeNames)[number]): number => row[GAUGES + gaugeNames.indexOf(name)] ?? 0;
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
export const fineCounts = (row: Float64Array): Float64Array => row.subarray(FINE, FINE + FINE_BUCKETS);

/** What has ended, and how much of that with 5xx or without an answer. */
export function countOf(row: ArrayLike<number>): { readonly ended: number; readonly failed: number } {
  let failed = 0;
  for (const method of METHODS.keys()) {
    for (const status of [SERVER_ERROR, NONE]) {
      const at = seriesAt(method, status);
      for (let bucket = 0; bucket < BUCKETS; bucket++) failed += row[at + bucket] ?? 0;
    }
  }
  return { ended: row[ENDED] ?? 0, failed };
}
