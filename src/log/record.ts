// What the error log is told, as data: the forms it is written in and whoever else hears it start from this.

import type { LogLevel } from "../config/config.ts";

/** The process, or the thread, that a record comes from. The arbiter is no worker and has no generation. */
export interface LogOrigin {
  readonly pid: number;
  readonly worker?: number;
  readonly gen?: number;
  readonly thread?: number;
}

export interface LogRecord {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: LogLevel;
  readonly message: string;
  /** The error's source-mapped stack, its properties and its causes, where there is an error. */
  readonly stack?: string;
  /** What was thrown; only where there is a `stack`. */
  readonly error?: unknown;
}

/** Hears every record of the error log that its level lets through. Must not throw, and must not wait. */
export interface LogSink {
  write(record: LogRecord): void;
}

/** How severe each level is: a log shows its own and what is above. */
export const RANK: Readonly<Record<LogLevel, number>> = {
  debug: 0,
  info: 1,
  warning: 2,
  error: 3,
  critical: 4,
};
