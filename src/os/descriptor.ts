// The descriptor of a connected socket, which node keeps to itself.

import type { Socket } from "node:net";

/** -1 where it has none, or node hides it. No system call. */
export function descriptorOf(socket: Socket): number {
  const handle: unknown = "_handle" in socket ? socket._handle : undefined;
  if (typeof handle !== "object" || handle === null || !("fd" in handle)) return -1;
  // A getter of node's, in C++.
  const { fd } = handle;
  return typeof fd === "number" ? fd : -1;
}
