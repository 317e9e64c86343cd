// A connection asks for one thing. Who pipelines a thousand requests would have the arbiter answer them all in one turn, and it has
// workers to look after.

import type { Server } from "node:http";

/** Has `server` hand on the first request of each connection, whose answer closes it; nobody answers what follows. */
export function firstOnly(server: Server): void {
  server.maxRequestsPerSocket = 1;
  // Otherwise Node writes a 503 for each, which nobody gets to see.
  server.on("dropRequest", () => undefined);
}
