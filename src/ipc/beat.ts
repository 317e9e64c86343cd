// How a loop that serves says that it runs, and what its silence means: the same for whoever beats and for all that judge.

/** How often it beats, in milliseconds, where `timeout` is so many seconds: often enough for silence to be told to a tenth. */
export function beatInterval(timeout: number): number {
  return timeout === 0 ? Number.POSITIVE_INFINITY : Math.max(5, Math.min(500, timeout * 100));
}

/**
 * The silence in milliseconds after which its code has blocked it for `timeout` seconds at least: it may have begun to just after a beat,
 * or just before the next. 0, for ever, where `timeout` is 0.
 */
export function longestSilence(timeout: number): number {
  return timeout === 0 ? 0 : timeout * 1_000 + beatInterval(timeout);
}
