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
  /**
   * Counts requests, by their status too, and tells their durations: a moment later, for many at once. Where they are very many,
   * the durations of a random part of them, with its share.
   */
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

/** How long requests wait for others to be told of with them, in milliseconds. */
const GATHER = 100;
/** How many durations are told of at most each time: those of more requests would cost daemon and server more than they tell. */
const MOST = 256;
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
  random: () => number = Math.random,
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
    const text = `${duration}${microseconds / 1_000}|ms`;
    if (microseconds < REMEMBERED) remembered[microseconds] = text;
    return text;
  };
  /** Of the requests that wait to be told of. */
  let requests = 0;
  /** Microseconds of those that are a sample of them, in which each is as likely as any other to be. */
  const durations = new Float64Array(MOST);
  let sampled = 0;
  /** How likely: a power of a half, as daemons that count in whole numbers take its inverse for one. */
  let share = 1;
  const halve = (): void => {
    let kept = 0;
    for (let i = 0; i < sampled; i++) if (random() < 0.5) durations[kept++] = durations[i] ?? 0;
    sampled = kept;
    share /= 2;
  };
  /** How many of them had each status. */
  const statuses = new Uint32Array(STATUSES);
  const given: number[] = [];
  let due = false;
  const flush = (): void => {
    due = false;
    const rest = share === 1 ? tags : `|@${share}${tags}`;
    for (let i = 0; i < sampled; i++) to.write(lasting(durations[i] ?? 0) + rest);
    if (requests > 0) to.write(counter("gunicorn.requests", requests));
    requests = 0;
    sampled = 0;
    share = 1;
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
        requests++;
        if (share === 1 || random() < share) {
          durations[sampled++] = Math.round(durationMs * 1_000);
          while (sampled === MOST) halve();
        }
        const before = statuses[status] ?? 0;
        if (before === 0) given.push(status);
        statuses[status] = before + 1;
        if (due) return;
        due = true;
        setTimeout(flush, GATHER).unref();
      },
    },
    flush,
    gauge: (name, value) => to.write(line(name, value, "g")),
  };
}
