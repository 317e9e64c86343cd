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
  /** Counts requests, by their status too, and tells their durations. */
  readonly requests: AccessSink;
  gauge(name: string, value: number): void;
}

/** What fits a packet of an Ethernet: statsd's own advice. In bytes. */
const LONGEST = 1432;

/** Debug and info are not counted. */
const COUNTED: Readonly<Partial<Record<LogLevel, string>>> = {
  warning: "warning",
  error: "error",
  critical: "critical",
};

const ONE = ":1|c";

/** Several metrics in a datagram, a line each; what is counted several times is counted in one line. */
export function packMetrics(metrics: readonly string[]): readonly Packet[] {
  const packets: Packet[] = [];
  const counters = new Map<string, number>();
  let text = "";
  let count = 0;
  let length = 0;
  const add = (metric: string, times: number): void => {
    const size = Buffer.byteLength(metric) + 1;
    if (count > 0 && length + size - 1 > LONGEST) {
      packets.push({ text, count });
      text = "";
      count = 0;
      length = 0;
    }
    text += count === 0 ? metric : `\n${metric}`;
    count += times;
    length += size;
  };
  for (const metric of metrics) {
    if (metric.includes(ONE)) counters.set(metric, (counters.get(metric) ?? 0) + 1);
    else add(metric, 1);
  }
  for (const [metric, times] of counters) add(metric.replace(ONE, `:${times}|c`), times);
  if (count > 0) packets.push({ text, count });
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
  const counter = (name: string): string => line(name, 1, "c");
  const request = counter("gunicorn.requests");
  const duration = `${prefix}gunicorn.request.duration:`;
  const statuses = new Map<number, string>();
  const statusOf = (status: number): string => {
    let text = statuses.get(status);
    if (text === undefined) {
      text = counter(`gunicorn.request.status.${status}`);
      statuses.set(status, text);
    }
    return text;
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
        to.write(`${duration}${Math.round(durationMs * 1000) / 1000}|ms${tags}`);
        to.write(request);
        // None where the client went away before it had one.
        if (status > 0) to.write(statusOf(status));
      },
    },
    gauge: (name, value) => to.write(line(name, value, "g")),
  };
}
