// What the watchdog's thread is started with and told.

import type { Config } from "../../config/config.ts";
import type { LogOrigin } from "../../log/record.ts";
import type { SyslogSettings } from "../../log/syslog.ts";

export interface WatchOrder {
  /** createVitals().shared of the main thread's loop. */
  readonly shared: SharedArrayBuffer;
  readonly config: Pick<
    Config,
    | "timeout"
    | "requestTimeout"
    | "slowRequest"
    | "gracefulTimeout"
    | "bootTimeout"
    | "errorlog"
    | "logFormat"
    | keyof SyslogSettings
  >;
  /** The process's log level. */
  readonly level: SharedArrayBuffer;
  readonly worker: string;
  /** The same as data. */
  readonly origin: LogOrigin;
  readonly arbiterPid: number;
  /** When the process began, on sharedNow()'s clock. */
  readonly startedAt: number;
  /** By DESCRIPTOR and PEEKS. Shared, for the next thread, should this one end at any time. */
  readonly descriptors: Int32Array;
  /** Put before each record. */
  readonly before: string;
}

/** The error log, open for appending; the thread closes it when it has another. Standard error is 2 and stays open. */
export const DESCRIPTOR = 0;
/** Where the arbiter asks what the worker does; NONE once a thread has it: its socket is closed with the thread, and Node has no dup(2). */
export const PEEKS = 1;
export const NONE = -1;

export type WatchMessage =
  /** The worker is ready: from now on `timeout` counts, not `bootTimeout`. */
  "serving" | "reopen";
