// Exceptions that nobody caught in the arbiter's process. They come from what a configuration file leaves running: a
// timer, a promise that a hook does not wait for, a logger's stream.

import type { ErrorLog } from "../log/error-log.ts";

export interface Strays {
  /** From now on they are told there, and end nothing: requests have no part in them. */
  logTo(log: ErrorLog): void;
}

/** How long a rejection that nobody handles may wait for what failed with it, in milliseconds. */
const STRAY = 100;

/** `early` is told of those that come before the server runs. */
export function catchStrays(early: (error: unknown) => void): Strays {
  let tell = early;
  process.on("uncaughtException", (error) => tell(error));
  // An import's own rejection comes later than that of a CommonJS module in it, and says more: so it is on Node 20.
  process.on("unhandledRejection", (reason) => {
    if (tell === early) setTimeout(() => tell(reason), STRAY);
    else tell(reason);
  });
  return {
    logTo(log) {
      tell = (error) =>
        log.exception("Nobody caught an exception in the arbiter's process, which serves on", error);
    },
  };
}
