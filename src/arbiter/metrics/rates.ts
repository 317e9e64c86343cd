// Requests a second, and how long they take: of the last seconds, from counts that only rise. Pure.

import { percentile } from "../../metrics/buckets.ts";
import { countOf, fineCounts } from "../../metrics/counted.ts";

/** What is "the last seconds", in milliseconds. */
const WINDOW = 5_000;

export interface Rate {
  /** Requests that ended, a second. */
  readonly perSecond: number;
  /** Of those, answered with 5xx or not at all. */
  readonly failuresPerSecond: number;
  /** Milliseconds; null where none ended. */
  readonly p50: number | null;
  readonly p99: number | null;
}

interface Look {
  readonly at: number;
  readonly ended: number;
  readonly failed: number;
  readonly fine: Float64Array;
}

/** The looks of the last seconds at one thing's counts, the oldest first. */
export type Track = readonly Look[];

export function looked(track: Track, row: Float64Array, at: number): Track {
  const { ended, failed } = countOf(row);
  const look: Look = { at, ended, failed, fine: fineCounts(row).slice() };
  // The first is where the window begins.
  const from = track.findLastIndex((one) => at - one.at >= WINDOW);
  return [...track.slice(Math.max(0, from)), look];
}

export function rateOf(track: Track): Rate {
  const [first] = track;
  const last = track.at(-1);
  if (first === undefined || last === undefined || last.at <= first.at) {
    return { perSecond: 0, failuresPerSecond: 0, p50: null, p99: null };
  }
  const seconds = (last.at - first.at) / 1_000;
  const fresh = last.fine.map((count, bucket) => count - (first.fine[bucket] ?? 0));
  return {
    perSecond: (last.ended - first.ended) / seconds,
    failuresPerSecond: (last.failed - first.failed) / seconds,
    p50: percentile(fresh, 0.5),
    p99: percentile(fresh, 0.99),
  };
}
