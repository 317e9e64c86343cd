// What is written first to a socket that was handed over: the status line of the answer that its new owner gives.

import type { Socket } from "node:net";

/** Calls `seen` with the first piece, before it is written. */
export function onFirstWrite(socket: Socket, seen: (first: unknown) => void): void {
  const { write, end } = socket;
  const restore = (): void => {
    // The last first: otherwise V8 makes a hash table of the socket, of 3 KB.
    Reflect.deleteProperty(socket, "end");
    Reflect.deleteProperty(socket, "write");
  };
  const value = (real: (...args: never) => unknown) => ({
    configurable: true,
    writable: true,
    value: (...args: unknown[]): unknown => {
      restore();
      if (typeof args[0] !== "function" && args[0] !== undefined) seen(args[0]);
      return Reflect.apply(real, socket, args);
    },
  });
  Object.defineProperties(socket, { write: value(write), end: value(end) });
}

/** The status of an answer of HTTP/1; 101 for what is none: its owner speaks something else already. */
export function statusIn(first: unknown): number {
  const text =
    first instanceof Uint8Array ? Buffer.from(first.subarray(0, 16)).toString("latin1") : String(first);
  const status = /^HTTP\/1\.\d (\d{3})/.exec(text)?.[1];
  return status === undefined ? 101 : Number(status);
}
