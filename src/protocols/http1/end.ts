// The other end's end of a socket that was handed over, seen though nobody reads it. A listener for `readable` would change
// how it flows for who reads it later, and `end` comes only where all that came before it is read.

import type { Socket } from "node:net";

/** Calls `ended` as soon as the other end's end has come in. The function that it gives takes that back. */
export function onEnd(socket: Socket, ended: () => void): () => void {
  const { push } = socket;
  const restore = (): void => {
    Reflect.deleteProperty(socket, "push");
  };
  Object.defineProperty(socket, "push", {
    configurable: true,
    writable: true,
    value: (chunk: unknown, encoding?: BufferEncoding): boolean => {
      const more = push.call(socket, chunk, encoding);
      if (chunk === null) {
        restore();
        ended();
      }
      return more;
    },
  });
  return restore;
}
