// A connection asks for one thing. Who pipelines a thousand requests would have the arbiter answer them all in one turn, and it has
// workers to look after.

import type { RequestListener } from "node:http";
import type { Socket } from "node:net";

/** Hands on the first request of each connection, whose answer has to close it; nobody answers what follows. */
export function firstOnly(handle: RequestListener): RequestListener {
  const known = new WeakSet<Socket>();
  return (request, response) => {
    const { socket } = request;
    if (known.has(socket)) {
      // Nor is it read, beyond what has come already.
      socket.pause();
      return;
    }
    known.add(socket);
    handle(request, response);
  };
}
