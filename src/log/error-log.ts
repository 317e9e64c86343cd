// The error log: messages by level, in the form that is asked for, and to whoever else wants to hear them.

import type { Config, LogLevel } from "../config/config.ts";
import type { Destination } from "./destination.ts";
import { errorFormat } from "./error-format.ts";
import { createLevel, type Level } from "./level.ts";
import { type LogOrigin, type LogRecord, type LogSink, RANK } from "./record.ts";
import { describeError } from "./stack.ts";

export interface ErrorLog {
  readonly level: LogLevel;
  /** True where messages of this level are written: spares the making of messages nobody sees. */
  shows(level: LogLevel): boolean;
  debug(message: string): void;
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
  critical(message: string): void;
  /** An error-level message, followed by the error's source-mapped stack and its causes. */
  exception(message: string, error: unknown): void;
}

export interface ErrorLogOptions {
  readonly destination: Pick<Destination, "write" | "flush">;
  /** Messages below it are left out. Default `info`. */
  readonly level?: LogLevel | Level;
  /** Default `text`. */
  readonly form?: Config["logFormat"];
  /** What the lines name. Default this process. */
  readonly origin?: LogOrigin;
  /** Who else hears of each record; those that are added later hear of later ones. */
  readonly sinks?: readonly LogSink[];
}

/** Makes the error log. From `warning` on, lines are written at once. */
export function createErrorLog({
  destination,
  level = "info",
  form = "text",
  origin = { pid: process.pid },
  sinks = [],
}: ErrorLogOptions): ErrorLog {
  const least = typeof level === "string" ? createLevel(level) : level;
  const line = errorFormat(form, origin);

  const tell = (record: LogRecord): void => {
    destination.write(line(record));
    if (RANK[record.level] >= RANK.warning) destination.flush();
    for (const sink of sinks) sink.write(record);
  };
  const logger =
    (of: LogLevel): ((message: string) => void) =>
    (message) => {
      if (least.shows(of)) tell({ time: Date.now(), level: of, message });
    };

  return {
    get level() {
      return least.name;
    },
    shows: least.shows,
    debug: logger("debug"),
    info: logger("info"),
    warning: logger("warning"),
    error: logger("error"),
    critical: logger("critical"),
    exception(message, error) {
      if (!least.shows("error")) return;
      tell({ time: Date.now(), level: "error", message, stack: describeError(error), error });
    },
  };
}
