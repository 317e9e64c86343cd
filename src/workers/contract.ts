// What a kind of worker is. Users bring their own with `-k ./my-worker.ts`.

import type { Config } from "../config/config.ts";
import type { Identity, IdlePolicy, ListenerSpec } from "../ipc/messages.ts";
import type { Exchange, Handler } from "../protocols/exchange.ts";
import type { ConnectionCounts } from "../protocols/front.ts";
import type { TlsSource } from "../protocols/tls/source.ts";

export interface WorkerContext {
  readonly config: Config;
  readonly identity: Identity;
  readonly listeners: readonly ListenerSpec[];
  /** What TLS is served with; undefined where none is spoken. */
  readonly tls: TlsSource | undefined;
  /**
   * Answers one exchange: the application with hooks, logging and failure handling around it. It never throws, and a promise
   * of the application's, which may settle before the exchange is over or long after it, never rejects.
   */
  readonly handle: Handler;
  /** To be called once each exchange is over: answered, or its client gone. Undefined where nobody asks. */
  readonly over: ((exchange: Exchange) => void) | undefined;
  /** To be called where an exchange's connection has become another protocol's: it is no longer in flight. */
  readonly upgraded: ((exchange: Exchange) => void) | undefined;
  /** Whether the application takes the upgrade to a protocol; undefined where it takes none. */
  readonly upgrades: ((protocol: string) => boolean) | undefined;
  /** Whether anybody reads Exchange.bodyBytes. */
  readonly countBytes: boolean;
  /** Who counts connections, for the front; undefined where nobody does. */
  readonly connections: ConnectionCounts | undefined;
  readonly log: {
    debug(message: string): void;
    info(message: string): void;
    warning(message: string): void;
    error(message: string): void;
  };
}

/** A worker that serves. */
export interface Serving {
  /** Accepts no more, finishes what is in flight, and resolves when the last connection is done. */
  drain(idle: IdlePolicy): Promise<void>;
  /** Ends everything at once. The process waits a moment for a promise. */
  stop(): void | Promise<void>;
}

export interface WorkerKind {
  readonly name: string;
  /** Whether `serve` runs in each of the process's threads, with the application and the listeners of that thread. */
  readonly inThreads?: boolean;
  serve(context: WorkerContext): Promise<Serving>;
}
