// What a worker, or one of its threads, tells, and everybody who hears it. Put together at the start, so that a request
// pays only for what is asked for.

import type { Config } from "../config/config.ts";
import type { Hooks } from "../config/hooks.ts";
import { type AccessSink, accessFormat, accessLogTo, joinAccess } from "../log/access-log.ts";
import type { Destination } from "../log/destination.ts";
import { createErrorLog, type ErrorLog } from "../log/error-log.ts";
import type { Level } from "../log/level.ts";
import { stderrWarning } from "../log/losses.ts";
import type { LogOrigin, LogSink } from "../log/record.ts";
import { syslogLines, syslogSink } from "../log/syslog.ts";
import { errorLogger, accessLogger as requestLogger } from "../log/user-logger.ts";
import type { Losses } from "../metrics/row.ts";
import { createStatsd } from "../metrics/statsd.ts";

type Taker = Pick<Destination, "write" | "flush">;

/** Where lines go; null where they are not wanted. A thread's go through its process. */
export interface Outlets<Of = Taker> {
  readonly error: Of;
  readonly access: Of | null;
  readonly syslog: Of | null;
  readonly statsd: Of | null;
}

export type OutletName = keyof Outlets;

export interface Logs {
  readonly log: ErrorLog;
  /** Null where nobody wants to know of requests. */
  readonly access: AccessSink | null;
  /** From now on these hear it as well: what the user brings is loaded last. Returns `access` with theirs. */
  add(loggers: Pick<Hooks, "logger" | "accessLogger">): AccessSink | null;
  /** What the user's own loggers have lost. */
  lost(): Losses;
  /** Resolves when those have written what they have. */
  flush(): Promise<void>;
}

export function createLogs(config: Config, level: Level, origin: LogOrigin, outlets: Outlets): Logs {
  const { error, access, syslog, statsd } = outlets;
  const sinks: LogSink[] = [];
  const log = createErrorLog({
    destination: error,
    level,
    form: config.logFormat,
    origin,
    sinks,
  });
  const lines: ((line: string) => void)[] = [];
  if (access !== null) lines.push((line) => access.write(line));
  if (syslog !== null) {
    sinks.push(syslogSink(config, origin, syslog));
    if (!config.disableRedirectAccessToSyslog) lines.push(syslogLines(config, origin, syslog));
  }
  const requests: AccessSink[] = [];
  const lost = { error: () => 0, access: () => 0 };
  const flushes: (() => Promise<void>)[] = [];
  if (lines.length > 0)
    requests.push(accessLogTo(lines, accessFormat(config, origin), (message) => log.warning(message)));
  if (statsd !== null) {
    const counted = createStatsd(config, statsd);
    sinks.push(counted.sink);
    requests.push(counted.requests);
    flushes.push(async () => counted.flush());
  }
  return {
    log,
    access: joinAccess(requests),
    add({ logger, accessLogger }) {
      const warn = stderrWarning(config.logFormat, origin);
      if (logger !== undefined) {
        const theirs = errorLogger(logger, origin, warn);
        sinks.push(theirs);
        flushes.push(theirs.flush);
        lost.error = () => theirs.lost;
      }
      if (accessLogger !== undefined) {
        const theirs = requestLogger(accessLogger, origin, warn);
        requests.push(theirs);
        flushes.push(theirs.flush);
        lost.access = () => theirs.lost;
      }
      return joinAccess(requests);
    },
    lost: () => ({ error: lost.error(), access: lost.access(), syslog: 0, statsd: 0 }),
    async flush() {
      await Promise.all(flushes.map((flush) => flush()));
    },
  };
}
