// The sockets that were open before this process was: systemd's, and those of the arbiter it is to replace.

import { closeSync, lstatSync } from "node:fs";
import { formatPlace } from "../config/address.ts";
import type { Address } from "../config/config.ts";
import { defaultOrigin, type Resolved } from "../config/resolve.ts";
import { serverError } from "../errors.ts";
import type { Inheritance, PassedSocket } from "../os/inherited.ts";
import { adoptSocket, type BoundSocket, identityOf, owning } from "../os/sockets.ts";
import { ownPath } from "../os/unix-path.ts";

/** A socket of systemd's, or why it can't be used. Nobody says before a configuration asks for it. */
interface Passed extends PassedSocket {
  readonly socket: BoundSocket | Error;
}

export interface InheritedSockets {
  readonly passed: readonly Passed[];
  /** The other arbiter's, which become ours where our configuration asks for the same. */
  readonly handed: readonly BoundSocket[];
}

export async function adoptInherited(
  { systemd, handed }: Pick<Inheritance, "systemd" | "handed">,
  backlog: number,
): Promise<InheritedSockets> {
  const adopted: BoundSocket[] = [];
  for (const { fd, requested } of handed) {
    const socket = await adoptSocket(fd, requested, backlog).catch(() => null);
    const ours = socket === null ? null : withPath(socket);
    // Without its path nobody can reach it any more: a new one is bound.
    if (ours !== null) adopted.push(ours);
    else if (socket === null) closeQuietly(fd);
    else socket.release();
  }
  const passed: Passed[] = [];
  for (const { fd, name } of systemd) {
    const socket = await adoptSocket(fd, `fd://${fd}`, backlog).catch(asError);
    passed.push({ fd, name, socket: socket instanceof Error ? socket : forKeeps(socket) });
  }
  return { passed, handed: adopted };
}

/** A path that an arbiter of ours has made is ours to remove; one that the operator passed as a descriptor is not. */
function withPath(socket: BoundSocket): BoundSocket | null {
  if (socket.address.kind !== "unix" || !socket.requested.startsWith("unix:")) return socket;
  const { path } = socket.address;
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return null;
  return owning(socket, ownPath(path));
}

/** systemd keeps its sockets open in any case, and a later reload or upgrade may ask for one again. */
function forKeeps(socket: BoundSocket): BoundSocket {
  return { ...socket, release: () => undefined, close: () => undefined };
}

/** The addresses that `resolved` asks for: systemd's sockets where nothing else is said, as in Gunicorn. */
export function wantedAddresses(
  { config, origins }: Resolved,
  { passed }: InheritedSockets,
): readonly Address[] {
  const unsaid = (origins.bind ?? defaultOrigin) === defaultOrigin;
  if (unsaid && passed.length > 0) return passed.map(({ fd }) => ({ kind: "fd", fd }));
  return config.bind;
}

/**
 * systemd's sockets for that address: by number, by name, or by what they listen on; null where it is not systemd's.
 * Throws BIND_FAILED where it names what systemd did not pass, or what is no listening socket.
 */
export function passedSockets(
  address: Address,
  { passed, handed }: InheritedSockets,
): readonly BoundSocket[] | null {
  const found = passed.filter((one) => matches(one, address));
  if (found.length === 0) {
    if (address.kind === "name") throw unknownName(address.name, passed);
    // That number is another socket here than it was where the operator counted; the one meant may have another by now.
    const meant = handed.some(({ requested }) => requested === identityOf(address));
    if (address.kind === "fd" && !meant && handed.some(({ fd }) => fd === address.fd))
      throw serverError("BIND_FAILED", {
        address: `fd://${address.fd}`,
        reason: "no such descriptor was inherited",
      });
    return null;
  }
  return found.map(({ socket }) => {
    if (!(socket instanceof Error)) return socket;
    throw serverError("BIND_FAILED", { address: formatPlace(address), reason: socket.message }, socket);
  });
}

function matches({ fd, name, socket }: Passed, address: Address): boolean {
  switch (address.kind) {
    case "fd":
      return fd === address.fd;
    case "name":
      return name === address.name;
    default:
      return !(socket instanceof Error) && identityOf(socket.address) === identityOf(address);
  }
}

function unknownName(name: string, passed: readonly Passed[]): Error {
  const known = passed.map((one) => `${one.fd}${one.name === "" ? "" : ` (${one.name})`}`).join(", ");
  const reason =
    passed.length === 0
      ? "systemd has passed no sockets (LISTEN_FDS)"
      : `systemd has passed no socket of that name; it has passed ${known}`;
  return serverError("BIND_FAILED", { address: `fd://${name}`, reason });
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // it was not there
  }
}
