// The metrics that there are, with their labels. What those that scrape and aggregate add is in `ADDED`.

import { COLLECTIONS, METHODS, STATUSES } from "../../src/metrics/row.ts";
import { metrics } from "../../src/metrics/table.ts";

/** The values a label may have; null where any may be. */
export type Labels = Readonly<Record<string, readonly string[] | null>>;

/** What a label may say, where that is known. */
const VALUES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  tgunicorn_workers: { state: ["booting", "serving", "leaving"] },
  tgunicorn_connections: { state: ["active", "idle", "upgraded"] },
  tgunicorn_reloads_total: { result: ["ok", "failed"] },
  tgunicorn_harakiris_total: { kind: ["worker", "thread", "request"] },
  tgunicorn_requests_total: { status: STATUSES, method: METHODS },
  tgunicorn_request_duration_seconds: { status: STATUSES, method: METHODS },
  tgunicorn_worker_gc_seconds_total: { kind: COLLECTIONS },
  tgunicorn_worker_event_loop_delay_seconds: { percentile: ["50", "99", "100"] },
};

export const METRICS: Readonly<Record<string, Labels>> = Object.fromEntries(
  Object.entries(metrics).flatMap(([name, { type, labels }]) => {
    const known: Labels = Object.fromEntries(labels.map((label) => [label, VALUES[name]?.[label] ?? null]));
    return type === "histogram"
      ? [
          [`${name}_bucket`, { ...known, le: null }],
          [`${name}_sum`, known],
          [`${name}_count`, known],
        ]
      : [[name, known]];
  }),
);

/** What a scrape, a Kubernetes ServiceMonitor and an alert add. */
export const ADDED: Labels = { job: null, instance: null, namespace: null, pod: null };
