// One generation's configuration with all that was opened for it.

import { formatPlace } from "../config/address.ts";
import type { Config, ProtocolName } from "../config/config.ts";
import { acceptingThreads } from "../config/derive.ts";
import { forWorkers } from "../config/hooks.ts";
import type { Resolved } from "../config/resolve.ts";
import { longestSilence } from "../ipc/beat.ts";
import type { Init, ListenerSpec } from "../ipc/messages.ts";
import { drawsLine } from "../log/status-line.ts";
import type { BoundSocket } from "../os/sockets.ts";
import type { Facts } from "./control/view.ts";
import type { Policy } from "./events.ts";
import type { Opened } from "./listeners.ts";
import type { ListenerFacts } from "./metrics/figures.ts";
import { FIRST_LISTENER_FD } from "./processes.ts";
import type { LoadedTls } from "./tls.ts";

export interface Setup extends Opened {
  readonly resolved: Resolved;
  /** Null where no TLS is spoken. */
  readonly tls: LoadedTls | null;
  /** Where relative paths begin, also while the process is in the directory of another setup that is on trial. */
  readonly directory: string;
  /** Undoes what its code has done to the arbiter's environment, which workers inherit: where it does not come into force. */
  readonly restoreEnvironment: () => void;
}

/** How a log names a listener, with the real port: `http://127.0.0.1:8000`, `unix:/run/app.sock`, `scgi://unix:/run/app.sock`. */
export function urlOf({ address }: BoundSocket, protocol: ProtocolName = "http"): string {
  const place = formatPlace(address);
  return protocol === "http" && address.kind !== "tcp" ? place : `${protocol}://${place}`;
}

/** The listening sockets, for whoever looks at their queues. */
export const listenersOf = ({ sockets, protocols, resolved }: Setup): ListenerFacts[] =>
  sockets.map((socket) => ({
    url: urlOf(socket, protocols.get(socket)),
    fd: socket.fd,
    backlog: resolved.config.backlog,
  }));

const milliseconds = (seconds: number): number => seconds * 1000;

/** The numbers of `config` that the arbiter decides by. */
export function toPolicy(config: Config): Policy {
  return {
    workers: config.workers,
    bootTimeout: milliseconds(config.bootTimeout),
    timeout: longestSilence(config.timeout),
    gracefulTimeout: milliseconds(config.gracefulTimeout),
    reloadMode: config.reloadMode,
    maxSurge: config.maxSurge,
    drainDelay: milliseconds(config.drainDelay),
    // In development a mistake is to be told once, not once for each worker.
    preload: config.preloadApp || config.reload,
    awaitChange: config.reload,
    maxMemoryHard: config.maxMemoryHard,
  };
}

/** What the control socket tells of a generation. */
export function factsOf(
  { resolved: { config }, sockets, protocols }: Setup,
  server: string,
  startedAt: number,
  lastReload: Facts["lastReload"],
): Facts {
  return {
    server,
    pid: process.pid,
    app: config.app,
    workerClass: config.workerClass,
    listeners: sockets.map((socket) => urlOf(socket, protocols.get(socket))),
    lastReload,
    startedAt,
  };
}

/** Whether anybody may ask what the workers have counted. */
export const isCounted = (config: Config): boolean => config.metricsBind !== null || hasControl(config);

const hasControl = ({ pidfile, controlSocket, controlAccess }: Config): boolean =>
  controlAccess !== "off" && (pidfile !== null || controlSocket !== null);

/** Whether anybody is there to answer. Who is killed at the end of its time is asked in any case. */
const isPeeked = (config: Config): boolean => config.watchdog;

/** `counted`: the worker inherits a ledger as the last of its descriptors. */
export function initFor(
  setup: Setup,
  identity: Init["identity"],
  { software, startedIn, counted }: Pick<Init, "software" | "startedIn"> & { readonly counted: boolean },
): Init {
  const { config, hooks } = setup.resolved;
  const { length } = setup.sockets;
  const listeners: ListenerSpec[] = setup.sockets.map((socket, index) => ({
    fd: FIRST_LISTENER_FD + index,
    copies: Array.from(
      { length: acceptingThreads(config) - 1 },
      (_, copy) => FIRST_LISTENER_FD + (copy + 1) * length + index,
    ),
    protocol: setup.protocols.get(socket) ?? "http",
    url: urlOf(socket, setup.protocols.get(socket)),
  }));
  // After what descriptorsFor tells.
  const next = FIRST_LISTENER_FD + length * acceptingThreads(config);
  const peeked = isPeeked(config);
  return {
    type: "init",
    identity,
    arbiterPid: process.pid,
    sharesTerminal: drawsLine(config),
    config,
    startedIn,
    tls: setup.tls?.material ?? null,
    listeners,
    // A configuration without hooks for a worker need not be loaded there.
    software,
    hooksFile: forWorkers(hooks) ? config.config : null,
    peekFd: peeked ? next : null,
    ledgerFd: counted ? next + Number(peeked) : null,
  };
}

/** What a worker inherits, in the order that `initFor` tells it: the sockets as often as there are threads to serve them. */
export function descriptorsFor({ resolved, sockets }: Setup): readonly number[] {
  const once = sockets.map((socket) => socket.fd);
  return Array.from({ length: acceptingThreads(resolved.config) }, () => once).flat();
}

/** `rawEnv` as an environment; a later entry wins. */
export function environmentOf(config: Config): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const pair of config.rawEnv) {
    const cut = pair.indexOf("=");
    if (cut > 0) environment[pair.slice(0, cut)] = pair.slice(cut + 1);
  }
  return environment;
}
