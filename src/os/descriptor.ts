// What node keeps to itself of a connected socket: its descriptor, and of which kind it is.

import type { Socket } from "node:net";

/** Whether it is a Unix socket's; false once it is closed. No system call. */
export function isUnixSocket(socket: Socket): boolean {
  const handle = handleOf(socket);
  // A pipe's has none.
  return handle !== undefined && !("getpeername" in handle);
}

/** -1 where it has none, or node hides it. No system call. */
export function descriptorOf(socket: Socket): number {
  const handle = handleOf(socket);
  if (handle === undefined || !("fd" in handle)) return -1;
  // A getter of node's, in C++.
  const { fd } = handle;
  return typeof fd === "number" ? fd : -1;
}

function handleOf(socket: Socket): object | undefined {
  const handle: unknown = "_handle" in socket ? socket._handle : undefined;
  return typeof handle === "object" && handle !== null ? handle : undefined;
}
