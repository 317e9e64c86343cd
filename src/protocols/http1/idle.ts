// Ends idle connections, but none whose next request is there already.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { afterReading } from "../idle.ts";
import { connectionOf } from "./connection.ts";

/**
 * Takes over from node what becomes of a connection whose keep-alive time is up: node would close it at once, and the
 * kernel reset it where a request is unread.
 */
export function watchIdle(server: Server): void {
  server.on("timeout", (socket: Socket) => {
    const connection = socket[connectionOf];
    // A limit of the application's own: as node has it, whoever listens for it decides.
    if (connection?.latest !== undefined || connection?.upgraded !== undefined) {
      if (!connection.hearsTimeout) socket.destroy();
      return;
    }
    const { bytesRead } = socket;
    afterReading(() => {
      if (socket.bytesRead === bytesRead) socket.destroy();
    });
  });
}

/** A socket's listener that has to come before node's: afterwards, one that listened once is gone. */
export function noteListeners(this: Socket): void {
  const connection = this[connectionOf];
  if (connection?.latest === undefined) return;
  const { req, res } = connection.latest;
  connection.hearsTimeout = listens(req) || listens(res);
}

function listens(end: IncomingMessage | ServerResponse): boolean {
  return end.listenerCount("timeout") > 0;
}
