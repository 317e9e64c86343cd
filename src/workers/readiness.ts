// Waits until the user's readyWhen says that a worker may serve.

import { setTimeout as wait } from "node:timers/promises";

/** How often it is asked, in milliseconds. */
const INTERVAL = 100;

/**
 * Asks until the answer is true. A failure counts as no, and goes to `failed` when it is another one than the last
 * time. How long that may take is the arbiter's concern: bootTimeout.
 */
export async function untilReady(
  ask: () => boolean | Promise<boolean>,
  failed: (error: unknown) => void,
): Promise<void> {
  let last: string | undefined;
  for (;;) {
    try {
      if ((await ask()) === true) return;
    } catch (error) {
      const text = String(error);
      if (text !== last) failed(error);
      last = text;
    }
    await wait(INTERVAL);
  }
}
