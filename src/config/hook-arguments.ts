// What hooks are given: small views, so that a hook depends on nothing inside.
import type { Config } from "./config.ts";

/** Lines for the error log. */
export interface HookLog {
  debug(message: string): void;
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
}

/** The arbiter. */
export interface ServerInfo {
  readonly pid: number;
  readonly config: Config;
  /** Rises with every reload. */
  readonly generation: number;
  /** The number of worker processes there should be. */
  readonly workers: number;
  readonly log: HookLog;
}

/** A worker process. */
export interface WorkerInfo {
  /** The process number; 0 where there is no process yet. */
  readonly pid: number;
  /** The worker's place in the fleet, from 1; a replacement takes over the place. */
  readonly id: number;
  /** The reload it belongs to. */
  readonly generation: number;
  /** In a thread of a threaded worker: its number, from 1. */
  readonly thread?: number;
  /** Seconds since it started, where it has. */
  readonly age?: number;
  readonly log: HookLog;
}

/** A request, before the application has it. */
export interface RequestInfo {
  readonly method: string;
  /** The request target as it was sent. */
  readonly target: string;
  /** Names and values by turns, as they were sent. */
  readonly headers: readonly string[];
  /** The client's address; empty for a Unix socket. */
  readonly remoteAddress: string;
  /** A header's value by its name in any case. */
  header(name: string): string | undefined;
}

/** A response, after it was sent. */
export interface ResponseInfo {
  readonly status: number;
  /** Bytes of the body, without framing. */
  readonly bodyBytes: number;
  /** A header's value by its name in any case. */
  header(name: string): string | undefined;
}
