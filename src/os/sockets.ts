// Opens the listening sockets. The arbiter binds them and listens without ever accepting: the kernel's queue
// holds the clients from then on, and outlives every worker that accepts from an inherited copy.

import { lookup } from "node:dns/promises";
import { fstatSync, lchownSync } from "node:fs";
import net from "node:net";
import { resolve as absolute } from "node:path";
import { formatPlace } from "../config/address.ts";
import type { Address } from "../config/config.ts";
import { ServerError, serverError } from "../errors.ts";
import { bindHandle } from "./handles.ts";
import { listen } from "./listen.ts";
import { bindPath, boundPath, makeRoom, type OwnPath, ownPath, umaskFor } from "./unix-path.ts";

/** Who is to own a unix socket's path. */
export interface SocketOwner {
  readonly uid: number;
  readonly gid: number;
}

export interface SocketOptions {
  /** Connections the kernel may keep waiting, as for listen(2). */
  readonly backlog: number;
  /** The umask that a unix socket's path is made under. */
  readonly umask: number;
  readonly owner?: SocketOwner | null;
  /** A unix socket's mode; null or left out: what the umask leaves. */
  readonly mode?: number | null;
}

/** An address of TCP's without names. */
export interface TcpPlace {
  readonly host: string;
  readonly port: number;
}

/** A socket that listens and never accepts in this process. */
export interface BoundSocket {
  /** The descriptor for workers to inherit. */
  readonly fd: number;
  /** `identityOf` the address that was asked for: it compares one configuration's with the next one's. */
  readonly requested: string;
  /** The address it has, with the real port. */
  readonly address: Address;
  /** What the kernel knows it by; null for a unix socket. */
  readonly place: TcpPlace | null;
  /** False where its path was ours to make and leads elsewhere, or nowhere, by now. */
  isReachable(): boolean;
  /** Stops listening in this process; copies in other processes live on. Leaves a unix socket's path where it is. */
  release(): void;
  /** As release(), and removes a unix socket's path if it is still ours. May follow release(); twice does no more than once. */
  close(): void;
}

/** What tells one address from another, also for a process in another directory: a relative path is completed. */
export function identityOf(address: Address): string {
  return address.kind === "unix" ? `unix:${absolute(address.path)}` : formatPlace(address);
}

/** True for the one failure that may pass by itself. */
export function isAddressInUse(error: unknown): boolean {
  return error instanceof ServerError && error.code === "BIND_IN_USE";
}

/**
 * Binds `address` and listens.
 * Fails with BIND_IN_USE (may pass), BIND_DENIED, BIND_UNRESOLVED, BIND_NOT_A_SOCKET or BIND_FAILED.
 */
export async function bindSocket(address: Address, options: SocketOptions): Promise<BoundSocket> {
  try {
    switch (address.kind) {
      case "tcp":
        return await bindTcp(address, options);
      case "unix":
        return await bindUnix(address, options);
      case "fd":
        return await adopt(address, options);
      case "name":
        throw new Error("systemd has passed no socket of that name");
    }
  } catch (error) {
    throw asBindError(error, formatPlace(address));
  }
}

async function bindTcp(address: Address & { kind: "tcp" }, options: SocketOptions): Promise<BoundSocket> {
  const host = await hostOf(address);
  const { fd, port } = bindHandle({ host, port: address.port });
  const server = await listen(fd, options.backlog);
  const real: Address = { ...address, port };
  return {
    fd,
    requested: identityOf(address),
    address: real,
    place: { host, port },
    isReachable: () => true,
    release: () => void server.close(),
    close: () => void server.close(),
  };
}

/** Where `address` is, or null for what has no such place or none that can be found. */
export async function placeOf(address: Address): Promise<TcpPlace | null> {
  if (address.kind !== "tcp") return null;
  const host = await hostOf(address).catch(() => null);
  return host === null ? null : { host, port: address.port };
}

/** Whether the kernel gives only one of the two at a time. */
export function overlap(a: TcpPlace, b: TcpPlace): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  if (a.host === b.host || a.host === "::" || b.host === "::") return true;
  // All of IPv4's, and none of IPv6's.
  const all = "0.0.0.0";
  return (a.host === all && net.isIPv4(b.host)) || (b.host === all && net.isIPv4(a.host));
}

async function hostOf(address: Address & { kind: "tcp" }): Promise<string> {
  if (net.isIP(address.host) !== 0) return address.host;
  if (address.host === "") return "0.0.0.0";
  try {
    const found = await lookup(address.host, { all: true });
    return (found.find(({ family }) => family === 4) ?? found[0])?.address ?? address.host;
  } catch (error) {
    const facts = {
      address: formatPlace(address),
      host: address.host,
      reason: codeOf(error) ?? String(error),
    };
    throw serverError("BIND_UNRESOLVED", facts, error);
  }
}

async function bindUnix(address: Address & { kind: "unix" }, options: SocketOptions): Promise<BoundSocket> {
  const { path } = address;
  const name = formatPlace(address);
  await makeRoom(path, name);
  const { mode, umask, owner, backlog } = options;
  const fd = bindPath(path, mode === undefined || mode === null ? umask : umaskFor(mode));
  // The arbiter may be in another directory when it closes.
  const own = ownPath(absolute(path));
  try {
    // Before it listens nobody can connect. Whoever may write to the directory may have put a link there by now.
    if (owner) lchownSync(path, owner.uid, owner.gid);
    const server = await listen(fd, backlog);
    const release = (): void => void server.close();
    return owning({ fd, requested: identityOf(address), address, place: null, release }, own);
  } catch (error) {
    own.unlink();
    throw error;
  }
}

/** `socket` with a path that is ours to make and to remove. */
export function owning(socket: Omit<BoundSocket, "isReachable" | "close">, own: OwnPath): BoundSocket {
  let closed = false;
  return {
    ...socket,
    isReachable: own.isOurs,
    close() {
      socket.release();
      // By now the path may be somebody else's, with the number of our old file.
      if (!closed) own.unlink();
      closed = true;
    },
  };
}

async function adopt(address: Address & { kind: "fd" }, options: SocketOptions): Promise<BoundSocket> {
  const name = formatPlace(address);
  let isSocket: boolean;
  try {
    isSocket = fstatSync(address.fd).isSocket();
  } catch (error) {
    throw serverError("BIND_FAILED", { address: name, reason: "no such descriptor was inherited" }, error);
  }
  if (!isSocket) throw serverError("BIND_NOT_A_SOCKET", { address: name, what: `descriptor ${address.fd}` });
  return await adoptSocket(address.fd, name, options.backlog);
}

/**
 * Listens on a socket that another process has bound; its path, where it has one, is not ours to remove.
 * Rejects with the system's error where the descriptor is no stream socket that can listen.
 */
export async function adoptSocket(fd: number, requested: string, backlog: number): Promise<BoundSocket> {
  const server = await listen(fd, backlog);
  const bound = server.address();
  const release = (): void => void server.close();
  const common = { fd, requested, isReachable: () => true, release, close: release };
  if (bound === null || typeof bound === "string") {
    const path = requested.startsWith("unix:") ? requested.slice("unix:".length) : boundPath(fd);
    const address: Address = path === null ? { kind: "fd", fd } : { kind: "unix", path };
    return { ...common, address, place: null };
  }
  const place = { host: bound.address, port: bound.port };
  return { ...common, address: { kind: "tcp", ...place }, place };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function asBindError(error: unknown, address: string): ServerError {
  if (error instanceof ServerError) return error;
  const code = codeOf(error);
  const reason = error instanceof Error ? error.message : String(error);
  switch (code) {
    case "EADDRINUSE":
      return serverError("BIND_IN_USE", { address }, error);
    case "EACCES":
    case "EPERM":
      return serverError("BIND_DENIED", { address, reason: code }, error);
    case "EADDRNOTAVAIL":
      return serverError(
        "BIND_FAILED",
        { address, reason: "no interface of this machine has that address" },
        error,
      );
    default:
      return serverError("BIND_FAILED", { address, reason }, error);
  }
}
