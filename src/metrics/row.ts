// What one event loop counts, as numbers in a row: what there is, and where it stands.

import { BUCKETS, FINE_BUCKETS } from "./buckets.ts";

/** As labels tell them; everything else is `other`. */
export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"] as const;
/** `none`: the connection broke before there was an answer. */
export const STATUSES = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"] as const;
export const NONE = STATUSES.length - 1;
export const SERVER_ERROR = NONE - 1;
/** V8's kinds of collection, as `performance` names them. */
export const COLLECTIONS = ["minor", "incremental", "major", "weakcb"] as const;

/** Where lines and messages go, and may get lost. */
export const LOGS = ["error", "access", "syslog", "statsd"] as const;
export type Losses = Readonly<Record<(typeof LOGS)[number], number>>;

/** What is so just now, of one loop. */
export interface LoopGauges {
  /** Seconds that the loop was late, of the last seconds: the median, the 99th percentile and the worst. */
  readonly delayP50: number;
  readonly delayP99: number;
  readonly delayMax: number;
  /** Share of its time that the loop was busy, from 0 to 1. */
  readonly utilization: number;
  /** Bytes that V8 uses of its heap, and has. */
  readonly heapUsed: number;
  readonly heapTotal: number;
  /** How often it has looked at itself: one that is stuck does not. */
  readonly looks: number;
}

export const gaugeNames = [
  "delayP50",
  "delayP99",
  "delayMax",
  "utilization",
  "heapUsed",
  "heapTotal",
  "looks",
] as const satisfies readonly (keyof LoopGauges)[];

/** A histogram: its buckets, and the sum in seconds. */
export const HISTOGRAM = BUCKETS + 1;

/** Where things stand, in numbers from the start of the row. */
export const BEGUN = 0;
export const ENDED = 1;
export const TIMED_OUT = 2;
export const THREADS_ENDED = 3;
export const SENT = 4;
export const CONNECTIONS = 5;
export const CLOSED = 6;
export const UPGRADED = 7;
export const DOWNGRADED = 8;
/** Seconds of processor time. */
export const PROCESSOR = 9;
export const LOST = 10;
export const COLLECTING = LOST + LOGS.length;
export const GAUGES = COLLECTING + COLLECTIONS.length;
export const WAIT = GAUGES + gaugeNames.length;
export const FINE = WAIT + HISTOGRAM;
/** What comes most stands first: only what has been used is written. */
export const REQUESTS = FINE + FINE_BUCKETS;
export const LEDGER_LENGTH = REQUESTS + METHODS.length * STATUSES.length * HISTOGRAM;
export const LEDGER_BYTES = LEDGER_LENGTH * 8;

/** Where the histogram of a method and a status begins, each by its place. */
export const seriesAt = (method: number, status: number): number =>
  REQUESTS + (method * STATUSES.length + status) * HISTOGRAM;

export function emptyRow(): Float64Array<ArrayBuffer> {
  return new Float64Array(LEDGER_LENGTH);
}
