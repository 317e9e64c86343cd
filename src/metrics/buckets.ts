// How durations are sorted: into few buckets for Prometheus, and finely for percentiles of the last seconds. Pure.

/** Upper bounds in seconds, the last being open. Prometheus's own defaults, and what is slower than those. */
export const BOUNDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

export const BUCKETS = BOUNDS.length + 1;

const BOUNDS_MS = BOUNDS.map((seconds) => seconds * 1_000);

/** The bucket of a duration; most are short, so it is searched from below. */
export function bucketOf(milliseconds: number): number {
  let at = 0;
  while (at < BOUNDS_MS.length && milliseconds > (BOUNDS_MS[at] ?? 0)) at++;
  return at;
}

/** Fine buckets: eight for each doubling, from 50 us to 100 s, so that a percentile is right to within 5 %. */
const FINEST = 0.05;
const PER_DOUBLING = 8;
export const FINE_BUCKETS = 168;

export function fineBucketOf(milliseconds: number): number {
  if (!(milliseconds > FINEST)) return 0;
  return Math.min(FINE_BUCKETS - 1, 1 + Math.floor(PER_DOUBLING * Math.log2(milliseconds / FINEST)));
}

/** The middle of a fine bucket, in milliseconds. */
const middleOf = (bucket: number): number =>
  bucket === 0 ? FINEST : FINEST * 2 ** ((bucket - 0.5) / PER_DOUBLING);

/** The value in milliseconds below which `share` (0 to 1) of what the fine buckets hold lies; null where they are empty. */
export function percentile(counts: ArrayLike<number>, share: number): number | null {
  let total = 0;
  for (let at = 0; at < counts.length; at++) total += counts[at] ?? 0;
  if (total <= 0) return null;
  const rank = Math.max(1, Math.ceil(total * share));
  let seen = 0;
  for (let at = 0; at < counts.length; at++) {
    seen += counts[at] ?? 0;
    if (seen >= rank) return middleOf(at);
  }
  return null;
}
