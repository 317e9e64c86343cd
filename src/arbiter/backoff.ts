// How fast failing workers are replaced. A worker that dies after a healthy life is replaced at once; one that
// does not boot, or dies young, makes the next spawn wait: 0.1 s, doubled each time up to 30 s, with jitter so
// that several servers on one machine do not retry in step. While there are failures, one worker is tried at a time.

import type { Backoff } from "./state.ts";

/** A worker that has served this long was healthy, in milliseconds. */
export const HEALTHY_AFTER = 5_000;
const FIRST_DELAY = 100;
const LONGEST_DELAY = 30_000;
const JITTER = 0.25;

/** mulberry32, a small generator of random numbers whose whole state is one integer: [number in 0..1, next seed]. */
export function nextRandom(seed: number): readonly [number, number] {
  const next = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(next ^ (next >>> 15), 1 | next);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return [((t ^ (t >>> 14)) >>> 0) / 4_294_967_296, next];
}

/**
 * Counts one failure at `now` of a worker spawned at `spawnedAt`; `random` is in 0..1. Workers spawned before the
 * failure counted last belong to its wave, as when a whole fleet loses its database: they don't make the wait longer.
 */
export function afterFailure(backoff: Backoff, spawnedAt: number, now: number, random: number): Backoff {
  const sameWave = backoff.failures > 0 && spawnedAt < backoff.countedAt;
  const failures = sameWave ? backoff.failures : backoff.failures + 1;
  const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(failures - 1, 20));
  const jittered = delay * (1 - JITTER + 2 * JITTER * random);
  const countedAt = sameWave ? backoff.countedAt : now;
  return { failures, lastFailureAt: now, countedAt, retryAt: now + jittered };
}

/** Forgets the failures once a worker that booted after the last of them has been healthy for a while. */
export function afterCalm(backoff: Backoff, readyTimes: readonly number[], now: number): Backoff {
  if (backoff.failures === 0) return backoff;
  const healthy = readyTimes.some((at) => at >= backoff.lastFailureAt && now - at >= HEALTHY_AFTER);
  return healthy ? { ...backoff, failures: 0 } : backoff;
}
