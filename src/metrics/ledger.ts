// Counts in a row: the loop's thread adds, and the row is written to a file that the arbiter holds open, so that what was counted
// outlives whoever counted it.

import { BUCKETS, bucketOf, fineBucketOf } from "./buckets.ts";
import * as layout from "./row.ts";

const OTHER = layout.METHODS.length - 1;
const PLACES: ReadonlyMap<string, number> = new Map(layout.METHODS.map((name, place) => [name, place]));

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
  collected(kind: (typeof layout.COLLECTIONS)[number], milliseconds: number): void;
  /** Seconds that the process has had a processor, since its start. */
  processor(seconds: number): void;
  /** Lines lost since the start of the process. */
  lost(lines: layout.Losses): void;
  gauges(gauges: layout.LoopGauges): void;
  /** Writes at once what has changed. */
  flush(): void;
}

/**
 * To wait for a turn's end costs more than to write. Where the turns of the loop have hardly more than a request each, as slow ones
 * and those that each bring their own connection may be, the next ones are written as they end: looked at in so many turns, and
 * again after so many requests.
 */
const TURNS = 8;
const FEW = 1.5 * TURNS;
const ALONE = 248;

export function createLedger({ write, later, lazily }: LedgerOptions): Ledger {
  const row = layout.emptyRow();
  const bytes = new Uint8Array(row.buffer);
  let dirty = false;
  let dueLazily = false;
  /** Requests that have ended in this turn, whose end is waited for. */
  let inTurn = 0;
  /** Turns that were looked at, and their requests. */
  let turns = 0;
  let inTurns = 0;
  /** How many more are written as they end. */
  let alone = 0;
  /** Beyond it there are zeros. */
  let used = layout.REQUESTS;

  const flush = (): void => {
    if (!dirty) return;
    dirty = false;
    write(bytes, used * 8);
  };
  const atEnd = (): void => {
    flush();
    inTurns += inTurn;
    inTurn = 0;
    if (++turns < TURNS) return;
    if (inTurns < FEW) alone = ALONE;
    turns = 0;
    inTurns = 0;
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
    begun: () => count(layout.BEGUN),
    ended(method, status, milliseconds, bytes) {
      add(layout.ENDED, 1);
      add(layout.SENT, bytes);
      add(layout.FINE + fineBucketOf(milliseconds), 1);
      const at = layout.seriesAt(methodOf(method), statusOf(status));
      add(at + bucketOf(milliseconds), 1);
      add(at + BUCKETS, milliseconds / 1_000);
      if (at + layout.HISTOGRAM > used) used = at + layout.HISTOGRAM;
      dirty = true;
      if (alone > 0) {
        alone--;
        return flush();
      }
      inTurn++;
      if (inTurn === 1) later(atEnd);
    },
    timedOut: () => count(layout.TIMED_OUT),
    threadEnded: () => count(layout.THREADS_ENDED),
    opened: () => count(layout.CONNECTIONS),
    closed: () => count(layout.CLOSED),
    upgraded: () => count(layout.UPGRADED),
    downgraded: () => count(layout.DOWNGRADED),
    waited(milliseconds) {
      add(layout.WAIT + bucketOf(milliseconds), 1);
      add(layout.WAIT + BUCKETS, milliseconds / 1_000);
      changed();
    },
    collected(kind, milliseconds) {
      add(layout.COLLECTING + layout.COLLECTIONS.indexOf(kind), milliseconds / 1_000);
      changed();
    },
    processor(seconds) {
      row[layout.PROCESSOR] = seconds;
      changed();
    },
    lost(lines) {
      for (const [at, name] of layout.LOGS.entries()) row[layout.LOST + at] = lines[name];
      changed();
    },
    gauges(gauges) {
      for (const [at, name] of layout.gaugeNames.entries()) row[layout.GAUGES + at] = gauges[name];
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
  status < 100 || status > 599 ? layout.NONE : Math.floor(status / 100) - 1;
