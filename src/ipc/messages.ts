// What arbiter and worker say to each other. Workers report facts; only the arbiter decides.

import type { Config, LogLevel, ProtocolName } from "../config/config.ts";
import type { TlsMaterial } from "../config/tls-material.ts";

/** How a process is named in every log line: `worker=2 gen=3 pid=41`. */
export interface Identity {
  /** Unique over the arbiter's life; never reused. */
  readonly id: number;
  /** The worker's place in the fleet, from 1; a replacement takes over the place. */
  readonly slot: number;
  /** Rises with every reload. */
  readonly generation: number;
}

/** A listening socket the worker inherits: its descriptor in the worker and how to name it in a log. */
export interface ListenerSpec {
  readonly fd: number;
  /** Further descriptors of the same socket, for threads: each needs its own, which is closed when the thread ends. */
  readonly copies: readonly number[];
  readonly protocol: ProtocolName;
  /** `http://127.0.0.1:8000`, `unix:/run/app.sock`, `uwsgi://127.0.0.1:3031`. */
  readonly url: string;
}

/**
 * What becomes of idle keep-alive connections: `keep` lets them live out their time (reload), `close` ends them at once
 * (stop). `part` is `keep` where nobody serves on at some of the addresses: what waits there is taken in first.
 */
export type IdlePolicy = "keep" | "part" | "close";

export interface Init {
  readonly type: "init";
  readonly identity: Identity;
  readonly arbiterPid: number;
  /** The arbiter draws a line on the terminal that standard error is: whoever writes there clears it first. */
  readonly sharesTerminal: boolean;
  readonly config: Config;
  /** The directory the server was started in: what the configuration file is told when it is a function. */
  readonly startedIn: string;
  /** Null where no TLS is spoken. It holds private keys. */
  readonly tls: TlsMaterial | null;
  readonly listeners: readonly ListenerSpec[];
  /** Where the hooks and other functions of the configuration are to be imported from; null where there are none for a worker. */
  readonly hooksFile: string | null;
  /** The worker's end of what the arbiter asks its watchdog over; null where nothing will be asked. */
  readonly peekFd: number | null;
  /** The file in which the worker keeps what it counts; null where nobody wants to know. */
  readonly ledgerFd: number | null;
  /** The product and its version, for `SERVER_SOFTWARE`. */
  readonly software: string;
}

export type ToWorker =
  | Init
  /** The server stops soon. The worker serves on, but those who probe it are told. */
  | { readonly type: "announce" }
  | { readonly type: "drain"; readonly idle: IdlePolicy }
  | { readonly type: "quit" }
  /** The certificates have changed: the next handshakes are done with these. */
  | { readonly type: "tls"; readonly material: TlsMaterial }
  | { readonly type: "loglevel"; readonly level: LogLevel }
  | { readonly type: "reopenLogs" };

export type ToArbiter =
  /**
   * The worker listens. Nothing is sent to it before: node:cluster has a listener of its own from the start, so that node
   * does not keep what comes before the worker's.
   */
  | { readonly type: "hello" }
  | { readonly type: "ready" }
  /** `rss`, in bytes, where maxMemoryHard wants it. */
  | { readonly type: "beat"; readonly rss?: number }
  /** Exit statuses as Gunicorn's: 4 the application does not load, 3 anything else. */
  | { readonly type: "bootFailed"; readonly status: 3 | 4; readonly reason: string }
  /** The worker has reached a limit, serves on, and asks to be replaced. */
  | { readonly type: "retire"; readonly reason: string }
  /** Under --reload: files that the application imported after `since`, in milliseconds of the epoch. Absolute paths. */
  | { readonly type: "files"; readonly paths: readonly string[]; readonly since: number }
  /** The worker goes without having been asked to: a signal of its own told it, or it is stuck in its last thread. */
  | { readonly type: "leaving"; readonly ending: "left" | "stuck"; readonly reason: string };
