// Looks at what a connection begins with, and leaves it there for whoever speaks on it.

import type { Socket } from "node:net";

/**
 * Calls `look` with all that has come, each time that more has, until it says what is to be done with the connection.
 * One that ends before is destroyed.
 */
export function peek(socket: Socket, look: (bytes: Buffer) => (() => void) | undefined): void {
  let seen: Buffer = Buffer.alloc(0);
  const onEnd = (): void => void socket.destroy();
  const onReadable = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const then = look(seen);
    if (then === undefined) return;
    socket.off("readable", onReadable);
    socket.off("end", onEnd);
    // Only once: what is put back is told of again.
    socket.unshift(seen);
    then();
  };
  socket.on("readable", onReadable);
  socket.on("end", onEnd);
}
