// Gunicorn's metrics for statsd, with DogStatsD's tags where there are any.
// https://docs.gunicorn.org/en/stable/instrumentation.html https://github.com/statsd/statsd/blob/master/docs/metric_types.md

import type { Config, LogLevel } from "../config/config.ts";
import type { AccessSink } from "../log/access-log.ts";
import type { LogSink } from "../log/record.ts";
import { datagrams, type Packet } from "../log/remote/datagrams.ts";
import { createOutlet, type Outlet } from "../log/remote/outlet.ts";

export type StatsdSettings = Pick<Config, "statsdHost" | "statsdPrefix" | "dogstatsdTags">;

export interface Statsd {
  /** Counts warnings and worse, and exceptions apart. */
  readonly sink: LogSink;
  /** Counts requests, by their status too, and tells their durations: a moment later, for many at once. */
  readonly requests: AccessSink;
  /** Writes what is left. */
  flush(): void;
  gauge(name: string, value: number): void;
}

/** Durations up to this many microseconds are written out once: most requests take as long as others did. */
const REMEMBERED = 8_192;

/** Debug and info are not counted. */
const COUNTED: Readonly<Partial<Record<LogLevel, string>>> = {
  warning: "warning",
  error: "error",
  critical: "critical",
};

/** How long requests wait for others to be told of with them, in milliseconds, and how many do at most. */
const GATHER = 100;
const MOST = 1_000;
/** An answer's status has three digits. */
const STATUSES = 1_000;

/** Several metrics in a datagram of at most `longest` bytes, a line each. */
export function packMetrics(metrics: readonly string[], longest: number): readonly Packet[] {
  const packets: Packet[] = [];
  for (let from = 0; from < metrics.length; ) {
    let to = from + 1;
    let length = metrics[from]?.length ?? 0;
    for (; to < metrics.length; to++) {
      length += 1 + (metrics[to]?.length ?? 0);
      if (length > longest) break;
    }
    let text = metrics.slice(from, to).join("\n");
    // Characters of several bytes, in a prefix or tag: rare enough to be looked for afterwards.
    while (to > from + 1 && Buffer.byteLength(text) > longest) {
      to = from + Math.ceil((to - from) / 2);
      text = metrics.slice(from, to).join("\n");
    }
    packets.push({ text, count: to - from });
    from = to;
  }
  return packets;
}

export function openStatsd({ statsdHost }: StatsdSettings, warn: (message: string) => void): Outlet | null {
  if (statsdHost === null) return null;
  const { host, port } = statsdHost;
  return createOutlet({
    name: `statsd ${host}:${port}`,
    connect: datagrams({ host, port, pack: packMetrics }),
    warn,
  });
}

export function createStatsd(
  { statsdPrefix, dogstatsdTags }: StatsdSettings,
  to: Pick<Outlet, "write">,
): Statsd {
  const prefix = statsdPrefix === "" ? "" : `${statsdPrefix.replace(/\.+$/, "")}.`;
  const tags = dogstatsdTags === "" ? "" : `|#${dogstatsdTags}`;
  const line = (name: string, value: string | number, type: string): string =>
    `${prefix}${name}:${value}|${type}${tags}`;
  const counter = (name: string, times = 1): string => line(name, times, "c");
  const duration = `${prefix}gunicorn.request.duration:`;
  const remembered = new Array<string | undefined>(REMEMBERED);
  const lasting = (microseconds: number): string => {
    const known = remembered[microseconds];
    if (known !== undefined) return known;
    const text = `${duration}${microseconds / 1_000}|ms${tags}`;
    if (microseconds < REMEMBERED) remembered[microseconds] = text;
    return text;
  };
  /** Microseconds of the requests that wait to be told of. */
  const durations = new Float64Array(MOST);
  let waiting = 0;
  /** How many of them had each status. */
  const statuses = new Uint32Array(STATUSES);
  const given: number[] = [];
  let due = false;
  const flush = (): void => {
    due = false;
    for (let i = 0; i < waiting; i++) to.write(lasting(durations[i] ?? 0));
    if (waiting > 0) to.write(counter("gunicorn.requests", waiting));
    waiting = 0;
    // None where the client went away before it had one.
    for (const status of given.splice(0)) {
      if (status > 0) to.write(counter(`gunicorn.request.status.${status}`, statuses[status]));
      statuses[status] = 0;
    }
  };

  return {
    sink: {
      write({ level, stack }) {
        const counted = stack === undefined ? COUNTED[level] : "exception";
        if (counted !== undefined) to.write(counter(`gunicorn.log.${counted}`));
      },
    },
    requests: {
      needs: { client: false, bodyBytes: false, duration: true },
      write({ status }, durationMs) {
        durations[waiting++] = Math.round(durationMs * 1_000);
        const before = statuses[status] ?? 0;
        if (before === 0) given.push(status);
        statuses[status] = before + 1;
        if (waiting === MOST) return flush();
        if (due) return;
        due = true;
        setTimeout(flush, GATHER).unref();
      },
    },
    flush,
    gauge: (name, value) => to.write(line(name, value, "g")),
  };
}
