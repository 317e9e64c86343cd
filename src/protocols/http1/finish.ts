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
  const kept: Socket[] = [];
  for (const { stream, latest } of connections) {
    if (latest === undefined && stream.bytesRead > 0) continue;
    stream.destroy = stay;
    kept.push(stream);
  }
  server.closeIdleConnections();
  for (const stream of kept) Reflect.deleteProperty(stream, "destroy");
}

/** Those on which a part of a head has come, the first or the next, and no request is under way: Node knows which are idle. */
export function halfHeads(server: Server, connections: OpenConnections<Http1Connection>): Http1Connection[] {
  const all = [...connections];
  const idle = new Set<Socket>();
  for (const { stream } of all) {
    stream.destroy = () => {
      idle.add(stream);
      return stream;
    };
  }
  server.closeIdleConnections();
  for (const { stream } of all) Reflect.deleteProperty(stream, "destroy");
  return all.filter(
    ({ stream, latest, upgraded, deaf }) =>
      !deaf && (latest ?? upgraded) === undefined && stream.bytesRead > 0 && !idle.has(stream),
  );
}

function stay(this: Socket): Socket {
  return this;
}
