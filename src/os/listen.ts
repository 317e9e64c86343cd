// Listens on a bound descriptor without ever accepting.

import net from "node:net";
import { hasHandle, listenHandle } from "./handles.ts";

/**
 * Listens on the descriptor and never accepts.
 * On a handle opened from a descriptor, readStart() once and then readStop() take the listening socket out of the
 * event loop (see gate.ts); within one turn of the loop nothing can be accepted in between.
 */
export async function listen(fd: number, backlog: number): Promise<net.Server> {
  const server = net.createServer((socket) => socket.destroy());
  const failed = new Promise<never>((_, reject) => server.once("error", reject));
  failed.catch(() => undefined);
  server.listen({ fd }, backlog);
  if (!hasHandle(server)) return await failed;
  const handle = listenHandle(server);
  if (handle === undefined || handle.readStart() !== 0) {
    server.close();
    throw new Error("this version of Node.js can't listen without accepting");
  }
  handle.readStop();
  server.removeAllListeners("error");
  return server;
}
