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
  /** Open for appending; the thread closes it. Standard error is 2 and stays open. */
  readonly descriptor: number;
  /** Put before each record. */
  readonly before: string;
  /** Where the arbiter asks what the worker does. */
  readonly peekFd: number | null;
}

export type WatchMessage =
  /** The worker is ready: from now on `timeout` counts, not `bootTimeout`. */
  "serving" | "reopen";
