// Exceptions that nobody caught, in a worker's process and in each of its threads.

import { failsLoad } from "../interfaces/loader.ts";

/** How long a rejection that nobody handles may wait for what the load itself says, in milliseconds. */
const STRAY = 100;

/** `crashed` is told of each; while the application is `loading`, not of those that the load rejects for as well. */
export function catchStrays(loading: () => boolean, crashed: (error: unknown) => void): void {
  process.on("uncaughtException", crashed);
  // Node 20 tells of a CommonJS module that fails in an import twice, and the import's own rejection, which comes later,
  // says more.
  process.on("unhandledRejection", (error) => {
    if (loading()) setTimeout(() => failsLoad(error) || crashed(error), STRAY);
    else crashed(error);
  });
}
