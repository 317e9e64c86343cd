// How long things took, in buckets one percent apart, so that a long run needs no more memory than a short one.

const STEP = Math.log(1.01);
/** The lower end of the first bucket, in milliseconds. */
const LEAST = 0.01;

export interface Histogram {
  readonly count: number;
  /** The longest, exactly; 0 where there was none. */
  readonly max: number;
  add(milliseconds: number): void;
  /** The time that `share` (0 to 1) of them did not exceed, to one percent. */
  quantile(share: number): number;
}

export function createHistogram(): Histogram {
  const buckets: number[] = [];
  let count = 0;
  let max = 0;
  return {
    get count() {
      return count;
    },
    get max() {
      return max;
    },
    add(milliseconds) {
      const bucket = Math.floor(Math.log(Math.max(milliseconds, LEAST) / LEAST) / STEP);
      while (buckets.length <= bucket) buckets.push(0);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
      count++;
      max = Math.max(max, milliseconds);
    },
    quantile(share) {
      let left = Math.ceil(count * share);
      for (const [bucket, size] of buckets.entries()) {
        left -= size;
        if (left <= 0) return Math.min(max, LEAST * Math.exp((bucket + 1) * STEP));
      }
      return max;
    },
  };
}
