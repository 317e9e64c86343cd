// Closes a connection so that the client can read the last answer: while it still sends, a plain close would make the
// kernel reset the connection and throw the answer away (RFC 9112 section 9.6).

import { Socket } from "node:net";

/** What a client may still send, and for how long, until the connection is destroyed after all. As Gunicorn's. */
const MOST_BYTES = 64 * 1024;
const LONGEST = 2_000;

/** Sends `last`, ends our side, and reads what still comes without looking at it. */
export function lingeringClose(socket: Socket, last?: string): void {
  let bytes = 0;
  // The parser must see nothing more of it.
  socket.removeAllListeners("data");
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) socket.destroy();
  });
  socket.resume();
  if (last === undefined) socket.end();
  else socket.end(last);
  const timer = setTimeout(() => socket.destroy(), LONGEST).unref();
  socket.once("close", () => clearTimeout(timer));
}

/** The plain one, for what a connection's own shadows. */
export const destroySoon = Socket.prototype.destroySoon;
