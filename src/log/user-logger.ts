// The loggers of the configuration file. What they do is theirs: a throw is counted and told on stderr, since their own log
// is what has failed.

import type { AccessEntry, LogEntry, LogTaker } from "../config/logger.ts";
import type { AccessSink } from "./access-log.ts";
import { createLosses } from "./losses.ts";
import type { LogOrigin, LogSink } from "./record.ts";
import { parseTraceparent } from "./trace.ts";

interface Guarded<Entry> {
  /** Entries that it has failed to take. */
  readonly lost: number;
  take(entry: Entry): void;
  /** Resolves when the logger has written what it has. */
  flush(): Promise<void>;
}

function guard<Entry>(
  name: string,
  logger: LogTaker<Entry>,
  warn: (message: string) => void,
): Guarded<Entry> {
  const losses = createLosses(name, warn);
  const failed = (error: unknown): void =>
    losses.add(1, `it threw ${error instanceof Error ? error.message : String(error)}`);
  return {
    get lost() {
      return losses.total;
    },
    take(entry) {
      try {
        const result = logger(entry);
        if (result instanceof Promise) result.catch(failed);
      } catch (error) {
        failed(error);
      }
    },
    flush: () =>
      new Promise((resolve) => {
        losses.report(true);
        try {
          const result = logger.flush?.(resolve);
          if (result instanceof Promise)
            result.then(
              () => resolve(),
              () => resolve(),
            );
          else if (logger.flush === undefined || logger.flush.length === 0) resolve();
        } catch {
          resolve();
        }
      }),
  };
}

export function errorLogger(
  logger: LogTaker<LogEntry>,
  origin: LogOrigin,
  warn: (message: string) => void,
): LogSink & Pick<Guarded<LogEntry>, "flush" | "lost"> {
  const guarded = guard("logger", logger, warn);
  return {
    get lost() {
      return guarded.lost;
    },
    flush: guarded.flush,
    write: (record) => guarded.take({ ...record, ...origin }),
  };
}

export function accessLogger(
  logger: LogTaker<AccessEntry>,
  origin: LogOrigin,
  warn: (message: string) => void,
): AccessSink & Pick<Guarded<AccessEntry>, "flush" | "lost"> {
  const guarded = guard("accessLogger", logger, warn);
  return {
    get lost() {
      return guarded.lost;
    },
    flush: guarded.flush,
    needs: { client: true, bodyBytes: true, duration: true },
    write(record, durationMs) {
      guarded.take({
        time: Date.now(),
        ...origin,
        client: record.client.address,
        method: record.method,
        target: record.target,
        protocol: `HTTP/${record.httpVersion}`,
        status: record.status,
        bytes: record.bodyBytes,
        durationMs,
        ...parseTraceparent(record.header("traceparent")),
        header: (name) => record.header(name.toLowerCase()),
        responseHeader: (name) => record.responseHeader(name.toLowerCase()),
      });
    },
  };
}
