// What is awaited of the user's code: not longer than it may take, and not at all where it can't come any more.

import type { ServerError } from "../errors.ts";

export interface Limit {
  /** 0 is for ever. */
  readonly seconds: number;
  /** What is told where the time is over. */
  readonly slow: () => ServerError;
  /**
   * What is told, at once, where nothing is left that could settle the promise: Node would end without a word. Left out,
   * the process waits as one does in which there is always something left.
   */
  readonly stuck?: () => ServerError;
}

/** What `work` comes to. */
export async function answerOf<T>(work: Promise<T>, { seconds, slow, stuck }: Limit): Promise<T> {
  if (seconds === 0) return await forever(work);
  let give = (_: ServerError): void => undefined;
  const late = new Promise<never>((_, reject) => {
    give = reject;
  });
  const onStuck = (): void => void (stuck !== undefined && give(stuck()));
  process.once("beforeExit", onStuck);
  const timer = setTimeout(() => give(slow()), seconds * 1_000);
  if (stuck !== undefined) timer.unref(); // or else there would always be something left
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    process.off("beforeExit", onStuck);
  }
}

/** A timer keeps the process alive meanwhile. */
async function forever<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, 2 ** 30);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
