// Ending connections of a node:http server that still answers on others.

import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { OpenConnections } from "../open.ts";
import type { Http1Connection } from "./connection.ts";

/** Answers that have not begun say that they are the last. */
export function announceClose(connections: OpenConnections<Http1Connection>): void {
  for (const { latest } of connections) {
    if (latest !== undefined && !latest.res.headersSent) latest.res.shouldKeepAlive = false;
  }
}

/**
 * Ends connections without a request or an answer under way. Node knows which have half a request, but takes an answer
 * that is still being sent for done and would cut it: those are kept out of its reach. So are connections that have said
 * nothing yet, whose first request may be there unread: the kernel would reset them.
 */
export function closeIdle(server: Server, connections: OpenConnections<Http1Connection>): void {
  const idle = idleByNode(server, connections);
  for (const { stream, latest } of [...connections]) {
    if (idle.has(stream) && latest === undefined && stream.bytesRead > 0) stream.destroy();
  }
}

/** Those on which a part of a head has come, the first or the next, and no request is under way: Node knows which are idle. */
export function halfHeads(server: Server, connections: OpenConnections<Http1Connection>): Http1Connection[] {
  const idle = idleByNode(server, connections);
  return [...connections].filter(
    ({ stream, latest, upgraded, deaf }) =>
      !deaf && (latest ?? upgraded) === undefined && stream.bytesRead > 0 && !idle.has(stream),
  );
}

/** Those that Node would close as idle: it tells in no other way. */
function idleByNode(server: Server, connections: OpenConnections<Http1Connection>): ReadonlySet<Socket> {
  const idle = new Set<Socket>();
  const note = function (this: Socket): Socket {
    idle.add(this);
    return this;
  };
  for (const { stream } of connections) stream.destroy = note;
  server.closeIdleConnections();
  for (const { stream } of connections) Reflect.deleteProperty(stream, "destroy");
  return idle;
}
