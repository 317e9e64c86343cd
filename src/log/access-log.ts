// The access log: one line for each finished exchange.

import type { Config } from "../config/config.ts";
import {
  type AccessFormat,
  type AccessNeeds,
  type AccessRecord,
  compileAccessFormat,
} from "./access-format.ts";
import { jsonAccessFormat } from "./access-json.ts";
import { type DestinationOptions, openDestination } from "./destination.ts";
import { warnOnStderr } from "./losses.ts";
import type { LogOrigin } from "./record.ts";

export { type AccessNeeds, type AccessRecord, compileAccessFormat } from "./access-format.ts";

/** Hears of finished exchanges. */
export interface AccessSink {
  /** What it shows, so that nobody counts for nothing. */
  readonly needs: AccessNeeds;
  /** Takes a finished exchange; `durationMs` is the time since its head arrived, in milliseconds. Never throws. */
  write(record: AccessRecord, durationMs: number): void;
}

export interface AccessLog extends AccessSink {
  /** Writes everything and closes. */
  close(): void;
}

export interface AccessLogOptions extends Omit<DestinationOptions, "standard" | "setting"> {
  /** A path, or `-` for stdout. */
  readonly target: string;
  /** Gunicorn's format; see docs/logs.md for its atoms. */
  readonly format: string;
}

/**
 * Opens the access log.
 * @throws LOG_UNWRITABLE where the target can't be written, ACCESS_LOG_FORMAT where the format is wrong.
 */
export function createAccessLog({ target, format, ...options }: AccessLogOptions): AccessLog {
  const { warn = warnOnStderr } = options;
  const compiled = compileAccessFormat(format); // before the file is made
  const destination = openDestination(target, { ...options, standard: 1, setting: "accesslog" });
  return { ...accessLogTo([destination.write], compiled, warn), close: destination.close };
}

/**
 * The form that the configuration asks for.
 * @throws ACCESS_LOG_FORMAT
 */
export function accessFormat(
  { logFormat, accessLogFormat }: Pick<Config, "logFormat" | "accessLogFormat">,
  origin: LogOrigin,
): AccessFormat {
  return logFormat === "json" ? jsonAccessFormat(origin) : compileAccessFormat(accessLogFormat);
}

/** One line for each exchange, to all of `outlets`; `warn` hears of lines that can't be made. */
export function accessLogTo(
  outlets: readonly ((line: string) => void)[],
  { line, needs }: AccessFormat,
  warn: (message: string) => void,
): AccessSink {
  const [only] = outlets;
  const take = only !== undefined && outlets.length === 1 ? only : toAll(outlets);
  return {
    needs,
    write(record, durationMs) {
      let text: string;
      try {
        text = line(record, durationMs);
      } catch (error) {
        warn(`accesslog: a line could not be made: ${error}`);
        return;
      }
      take(text);
    },
  };
}

const toAll =
  (outlets: readonly ((line: string) => void)[]) =>
  (line: string): void => {
    for (const outlet of outlets) outlet(line);
  };

/** Several as one; null where there is none. */
export function joinAccess(sinks: readonly AccessSink[]): AccessSink | null {
  const [only] = sinks;
  if (only === undefined) return null;
  if (sinks.length === 1) return only;
  return {
    needs: {
      client: sinks.some(({ needs }) => needs.client),
      bodyBytes: sinks.some(({ needs }) => needs.bodyBytes),
      duration: sinks.some(({ needs }) => needs.duration),
    },
    write(record, durationMs) {
      for (const sink of sinks) sink.write(record, durationMs);
    },
  };
}
