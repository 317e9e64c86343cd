// node's internal handles, typed by hand and checked when met. Nothing outside os/ knows of them.

import net from "node:net";
import { getSystemErrorMap } from "node:util";

/** What is used of a libuv TCP or pipe handle. */
export interface Handle {
  readonly fd: number;
  close(): void;
}

/** A handle whose accepting can be stopped and started: see gate.ts. */
export interface ListenHandle extends Handle {
  readStart(): number;
  readStop(): number;
}

/** A handle that calls this with each connection's own, or with an error's number and nothing. */
export interface AcceptingHandle extends ListenHandle {
  onconnection: (error: number, client: object | undefined) => void;
}

export interface NoDelayHandle {
  /** TCP_NODELAY; 0, or an error's number. */
  setNoDelay(enable: boolean): number;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

type AnyFunction = (...values: never) => unknown;

const isFunction = (value: unknown): value is AnyFunction => typeof value === "function";

function isHandle(value: unknown): value is Handle {
  return (
    isObject(value) &&
    "fd" in value &&
    typeof value.fd === "number" &&
    "close" in value &&
    isFunction(value.close)
  );
}

function isListenHandle(value: unknown): value is ListenHandle {
  return (
    isHandle(value) &&
    "readStart" in value &&
    isFunction(value.readStart) &&
    "readStop" in value &&
    isFunction(value.readStop)
  );
}

export function isAccepting(handle: ListenHandle): handle is AcceptingHandle {
  return "onconnection" in handle && isFunction(handle.onconnection);
}

/** Not so of a unix socket's. */
export function isNoDelaySettable(handle: object): handle is NoDelayHandle {
  return "setNoDelay" in handle && isFunction(handle.setNoDelay);
}

/** The listening handle of `server`; undefined before it listens, after it closed and where node hides it. */
export function listenHandle(server: net.Server): ListenHandle | undefined {
  const handle: unknown = "_handle" in server ? server._handle : undefined;
  return isListenHandle(handle) ? handle : undefined;
}

/** True where `server` holds any handle, so that listen() has not failed. */
export function hasHandle(server: net.Server): boolean {
  return "_handle" in server && isObject(server._handle);
}

/** Bytes that the handle of `socket` has taken and the system has not; -1 where node hides it. */
export function queuedBytes(socket: net.Socket): number {
  const handle: unknown = "_handle" in socket ? socket._handle : undefined;
  const queued = isObject(handle) && "writeQueueSize" in handle ? handle.writeQueueSize : undefined;
  return typeof queued === "number" ? queued : -1;
}

/** Where a socket is to be bound: a numeric address, or a path. */
export type BindTarget = { readonly host: string; readonly port: number } | { readonly path: string };

/** A bound descriptor and its port (0 for a path). */
export interface Bound {
  readonly fd: number;
  readonly port: number;
}

/**
 * The handles that sockets were bound by. They are never closed: the descriptor belongs to whoever listens on it, and
 * libuv would unlink whatever is at a unix socket's path by then. process.exit() doesn't close handles either.
 */
const kept: object[] = [];

/** Binds without listening. Throws an error with the system's `code`. */
export function bindHandle(target: BindTarget): Bound {
  const internals: object = net;
  // Documented from Node 24.21 on: https://nodejs.org/api/net.html
  if ("BoundSocket" in internals && isFunction(internals.BoundSocket)) {
    return boundSocket(internals.BoundSocket, target);
  }
  if ("_createServerHandle" in internals && isFunction(internals._createServerHandle)) {
    return serverHandle(internals._createServerHandle, target);
  }
  throw new Error("this version of Node.js offers no way to bind a socket without accepting");
}

function boundSocket(make: AnyFunction, target: BindTarget): Bound {
  const bound: unknown = Reflect.construct(make, [{ ...target }]);
  if (
    !isObject(bound) ||
    !("fd" in bound && isFunction(bound.fd)) ||
    !("address" in bound && isFunction(bound.address))
  ) {
    throw new Error("net.BoundSocket is not what it was");
  }
  const { fd: getFd, address } = bound;
  const fd: unknown = Reflect.apply(getFd, bound, []);
  if (typeof fd !== "number" || fd < 0) throw new Error("net.BoundSocket has no descriptor");
  kept.push(bound);
  return { fd, port: portIn(Reflect.apply(address, bound, [])) };
}

function serverHandle(create: AnyFunction, target: BindTarget): Bound {
  const values =
    "path" in target ? [target.path, -1, -1] : [target.host, target.port, net.isIPv6(target.host) ? 6 : 4];
  const handle: unknown = Reflect.apply(create, net, values);
  if (typeof handle === "number") throw systemError(handle);
  if (!isHandle(handle)) throw new Error("net._createServerHandle is not what it was");
  const { fd } = handle;
  if ("path" in target) {
    kept.push(handle);
    return { fd, port: 0 };
  }
  // libuv puts EADDRINUSE off until the next call: https://docs.libuv.org/en/v1.x/tcp.html#c.uv_tcp_bind
  const name: Record<string, unknown> = {};
  const failed: unknown =
    "getsockname" in handle && isFunction(handle.getsockname)
      ? Reflect.apply(handle.getsockname, handle, [name])
      : 0;
  if (typeof failed === "number" && failed !== 0) {
    handle.close();
    throw systemError(failed);
  }
  kept.push(handle);
  return { fd, port: portIn(name) };
}

function portIn(address: unknown): number {
  return isObject(address) && "port" in address && typeof address.port === "number" ? address.port : 0;
}

/** An error of libuv's by its number. */
function systemError(errno: number): NodeJS.ErrnoException {
  const [code, text] = getSystemErrorMap().get(errno) ?? [`E${errno}`, "unknown error"];
  return Object.assign(new Error(`${code}: ${text}`), { errno, code });
}
