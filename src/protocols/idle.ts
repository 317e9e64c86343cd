// When idle connections may be ended.

/** How long a drain lets a connection stay that never sent a byte, in milliseconds: its first request may be under way. */
export const SILENCE = 500;
/** How long a drain lets a client be silent that has begun to send something, in milliseconds. */
export const DAWDLING = 2_000;

/**
 * Calls `then` when everything that has come in so far has been read. A timer that is due runs before the event loop
 * looks at its sockets: after the process was blocked or stopped for a while, requests wait there that came in time.
 */
export function afterReading(then: () => void): void {
  // The first may come at the end of a turn that has looked already.
  setImmediate(() => setImmediate(then));
}
