// Loggers of the user's own: functions, or objects with a method for each level, as pino's and others' are.
import type { LogLevel } from "./config.ts";

interface From {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly pid: number;
  /** A worker's place in the fleet, the reload it belongs to and its thread; undefined in the arbiter. */
  readonly worker?: number;
  readonly gen?: number;
  readonly thread?: number;
}

/** A record of the error log. */
export interface LogEntry extends From {
  readonly level: LogLevel;
  readonly message: string;
  /** What was thrown, where there is something. */
  readonly error?: unknown;
  /** Its source-mapped stack, its properties and its causes. */
  readonly stack?: string;
}

/** A request that is over. */
export interface AccessEntry extends From {
  /** The client's address; empty on a Unix socket. */
  readonly client: string;
  readonly method: string;
  /** The request target as it was sent. */
  readonly target: string;
  readonly protocol: string;
  readonly status: number;
  /** Bytes of the answer's body. */
  readonly bytes: number;
  readonly durationMs: number;
  /** Of a W3C `traceparent` header. */
  readonly traceId?: string;
  readonly spanId?: string;
  /** A request header by its name in any case. */
  header(name: string): string | undefined;
  /** A header of the answer by its name in any case. */
  responseHeader(name: string): string | undefined;
}

type Method = (fields: object, message: string) => unknown;

/** pino's shape. */
export interface LeveledLogger {
  debug: Method;
  info: Method;
  warn: Method;
  error: Method;
  fatal?: Method;
  /** Called when the process ends, which waits a moment for `done` or for a promise. */
  flush?: (done?: () => void) => unknown;
}

export type LogTaker<Entry> = ((entry: Entry) => unknown) & { readonly flush?: LeveledLogger["flush"] };

const METHODS = ["debug", "info", "warn", "error"] as const;

const isLeveled = (value: object): value is LeveledLogger =>
  METHODS.every((name) => typeof Reflect.get(value, name) === "function");

/** A logger as a function; undefined where the value is none. */
export function logTaker(value: unknown): LogTaker<LogEntry | AccessEntry> | undefined {
  if (typeof value !== "object" || value === null || !isLeveled(value)) return undefined;
  const take = (entry: LogEntry | AccessEntry): void => void tell(value, entry);
  const { flush } = value;
  return flush === undefined ? take : Object.assign(take, { flush: flush.bind(value) });
}

function tell(logger: LeveledLogger, entry: LogEntry | AccessEntry): unknown {
  const { time: _time, pid: _pid, ...rest } = entry;
  if (!("level" in rest)) {
    const { header: _header, responseHeader: _responseHeader, ...fields } = rest;
    return logger.info(fields, `${rest.method} ${rest.target} ${rest.status}`);
  }
  const { level, message, error, stack, ...from } = rest;
  const fields = stack === undefined ? from : { ...from, err: error };
  switch (level) {
    case "warning":
      return logger.warn(fields, message);
    case "critical":
      return logger.fatal === undefined ? logger.error(fields, message) : logger.fatal(fields, message);
    default:
      return logger[level](fields, message);
  }
}
