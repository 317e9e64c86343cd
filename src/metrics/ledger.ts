// What one event loop counts, as numbers in a row: the loop's thread adds, and the row is written to a file that the arbiter
// holds open, so that what was counted outlives whoever counted it.

import { BUCKETS, bucketOf, FINE_BUCKETS, fineBucketOf } from "./buckets.ts";

/** As labels tell them; everything else is `other`. */
export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"] as const;
const OTHER = METHODS.length - 1;
const PLACES: ReadonlyMap<string, number> = new Map(METHODS.map((name, place) => [name, place]));
/** `none`: the connection broke before there was an answer. */
export const STATUSES = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"] as const;
const NONE = STATUSES.length - 1;
const SERVER_ERROR = NONE - 1;
/** V8's kinds of collection, as `performance` names them. */
export const COLLECTIONS = ["minor", "incremental", "major", "weakcb"] as const;

/** Where lines and messages go, and may get lost. */
export const LOGS = ["error", "access", "syslog", "statsd"] as const;
export type Losses = Readonly<Record<(typeof LOGS)[number], number>>;

/** A histogram: its buckets, and the sum in seconds. */
const HISTOGRAM = BUCKETS + 1;

/** Where things stand, in numbers from the start of the row. */
const BEGUN = 0;
const ENDED = 1;
const TIMED_OUT = 2;
const THREADS_ENDED = 3;
const SENT = 4;
const CONNECTIONS = 5;
const CLOSED = 6;
const UPGRADED = 7;
const DOWNGRADED = 8;
/** Seconds of processor time. */
const PROCESSOR = 9;
const LOST = 10;
const COLLECTING = LOST + LOGS.length;
const GAUGES = COLLECTING + COLLECTIONS.length;
const WAIT = GAUGES + 7;
const FINE = WAIT + HISTOGRAM;
/** What comes most stands first: only what has been used is written. */
const REQUESTS = FINE + FINE_BUCKETS;
export const LEDGER_LENGTH = REQUESTS + METHODS.length * STATUSES.length * HISTOGRAM;
export const LEDGER_BYTES = LEDGER_LENGTH * 8;

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

const gaugeNames = [
  "delayP50",
  "delayP99",
  "delayMax",
  "utilization",
  "heapUsed",
  "heapTotal",
  "looks",
] as const satisfies readonly (keyof LoopGauges)[];

export interface LedgerOptions {
  /** Called with the row's first `length` bytes. */
  readonly write: (row: Uint8Array, length: number) => void;
  /** Runs `callback` at the end of this turn of the event loop: what has ended must outlive whoever counted it. */
  readonly later: (callback: () => void) => void;
  /** Runs `callback` before long: what else has changed is not worth a system call for each turn. */
  readonly lazily: (callback: () => void) => void;
}

export interface Ledger {
  begun(): void;
  /** A request is over: with `status` 0 where it had no answer. Upgraded ones are over when they are upgraded. */
  ended(method: string, status: number, milliseconds: number, bytes: number): void;
  timedOut(): void;
  threadEnded(): void;
  opened(): void;
  closed(): void;
  upgraded(): void;
  /** The connection of an upgraded request is closed. */
  downgraded(): void;
  /** From the moment a connection was accepted until its first request came to the application. */
  waited(milliseconds: number): void;
  collected(kind: (typeof COLLECTIONS)[number], milliseconds: number): void;
  /** Seconds that the process has had a processor, since its start. */
  processor(seconds: number): void;
  /** Lines lost since the start of the process. */
  lost(lines: Losses): void;
  gauges(gauges: LoopGauges): void;
  /** Writes at once what has changed. */
  flush(): void;
}

/**
 * To wait for a turn's end costs more than to write. Where a turn had one request alone, as all have that each bring their own
 * connection, so many more are taken to be alone.
 */
const ALONE = 31;

export function createLedger({ write, later, lazily }: LedgerOptions): Ledger {
  const row = new Float64Array(LEDGER_LENGTH);
  const bytes = new Uint8Array(row.buffer);
  let dirty = false;
  let due = false;
  let dueLazily = false;
  /** Requests that have ended in this turn; and how many more are written as they end. */
  let inTurn = 0;
  let alone = 0;
  /** Beyond it there are zeros. */
  let used = REQUESTS;

  const flush = (): void => {
    if (!dirty) return;
    dirty = false;
    write(bytes, used * 8);
  };
  const atEnd = (): void => {
    due = false;
    if (inTurn === 1) alone = ALONE;
    inTurn = 0;
    flush();
  };
  const beforeLong = (): void => {
    dueLazily = false;
    flush();
  };
  const changed = (): void => {
    dirty = true;
    if (dueLazily) return;
    dueLazily = true;
    lazily(beforeLong);
  };
  const add = (at: number, amount: number): void => {
    row[at] = (row[at] ?? 0) + amount;
  };
  const count = (at: number): void => {
    add(at, 1);
    changed();
  };

  return {
    begun: () => count(BEGUN),
    ended(method, status, milliseconds, bytes) {
      add(ENDED, 1);
      add(SENT, bytes);
      add(FINE + fineBucketOf(milliseconds), 1);
      const at = seriesAt(methodOf(method), statusOf(status));
      add(at + bucketOf(milliseconds), 1);
      add(at + BUCKETS, milliseconds / 1_000);
      if (at + HISTOGRAM > used) used = at + HISTOGRAM;
      dirty = true;
      if (alone > 0) {
        alone--;
        return flush();
      }
      inTurn++;
      if (due) return;
      due = true;
      later(atEnd);
    },
    timedOut: () => count(TIMED_OUT),
    threadEnded: () => count(THREADS_ENDED),
    opened: () => count(CONNECTIONS),
    closed: () => count(CLOSED),
    upgraded: () => count(UPGRADED),
    downgraded: () => count(DOWNGRADED),
    waited(milliseconds) {
      add(WAIT + bucketOf(milliseconds), 1);
      add(WAIT + BUCKETS, milliseconds / 1_000);
      changed();
    },
    collected(kind, milliseconds) {
      add(COLLECTING + COLLECTIONS.indexOf(kind), milliseconds / 1_000);
      changed();
    },
    processor(seconds) {
      row[PROCESSOR] = seconds;
      changed();
    },
    lost(lines) {
      for (const [at, name] of LOGS.entries()) row[LOST + at] = lines[name];
      changed();
    },
    gauges(gauges) {
      for (const [at, name] of gaugeNames.entries()) row[GAUGES + at] = gauges[name];
      changed();
    },
    flush,
  };
}

/** What came most, first: a request costs one comparison. */
function methodOf(method: string): number {
  if (method === "GET") return 0;
  return PLACES.get(method) ?? OTHER;
}

const statusOf = (status: number): number =>
  status < 100 || status > 599 ? NONE : Math.floor(status / 100) - 1;

const seriesAt = (method: number, status: number): number =>
  REQUESTS + (method * STATUSES.length + status) * HISTOGRAM;

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
