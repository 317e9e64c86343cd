// Every metric's values just now, from what the arbiter knows. Pure.

import { BOUNDS } from "../../metrics/buckets.ts";
import { addRow, type Counted, type Histogram, readCounted } from "../../metrics/counted.ts";
import { COLLECTIONS, emptyRow, LOGS, type Losses } from "../../metrics/row.ts";
import type { MetricName } from "../../metrics/table.ts";
import type { Facts } from "../control/view.ts";
import type { ArbiterState, WorkerState } from "../state.ts";
import { inFlight, openConnections, type QueueFigures, upgradedConnections, worstLoop } from "./figures.ts";
import type { LiveCounts } from "./ledgers.ts";
import type { Tally } from "./tally.ts";

export interface Sources {
  readonly state: ArbiterState;
  readonly facts: Facts;
  readonly tally: Tally;
  readonly totals: ReadonlyMap<string, Float64Array>;
  readonly live: readonly LiveCounts[];
  readonly queues: readonly QueueFigures[];
  readonly overflows: number | null;
  /** Requests in flight as others see them, by the worker's id; of those that are not seen their own counts are taken. */
  readonly busy: ReadonlyMap<number, number>;
  /** Bytes of resident memory, by pid; without those that are not known. */
  readonly memory: ReadonlyMap<number, number>;
  /** Lines that the arbiter itself has lost. */
  readonly lost: Losses;
  readonly nodeVersion: string;
  /** On the arbiter's clock, in milliseconds, and Unix time in seconds. */
  readonly now: number;
  readonly unixTime: number;
}

type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** What a histogram's lines add to its name: `_bucket`, `_sum`, `_count`. */
  readonly suffix?: string;
}

/** By name; those of which nothing is known are empty. */
export type Samples = Readonly<Record<MetricName, readonly Sample[]>>;

const one = (value: number, labels: Labels = {}): readonly Sample[] => [{ labels, value }];
const unless = (value: number | null): readonly Sample[] => (value === null ? [] : one(value));

export function samplesOf(sources: Sources): Samples {
  const { state, facts, tally, now, unixTime, queues } = sources;
  const { lastReload } = facts;
  const all = readCounted(sumOf(sources.totals.values()));
  const living = readCounted(sumOf(sources.live.map(({ row }) => row)));
  const active = sources.live.reduce(
    (sum, { id, row }) => sum + (sources.busy.get(id) ?? inFlight(readCounted(row))),
    0,
  );
  const since = (at: number): number => Math.max(0, now - at) / 1_000;
  return {
    tgunicorn_info: one(1, {
      version: facts.server.replace(/^.*\//, ""),
      worker_class: facts.workerClass,
      node_version: sources.nodeVersion,
    }),
    tgunicorn_uptime_seconds: one(since(facts.startedAt)),
    tgunicorn_workers: workersBy(state),
    tgunicorn_workers_wanted: one(state.target),
    tgunicorn_generation: one(state.generation),
    tgunicorn_worker_spawns_total: one(tally.spawns),
    tgunicorn_worker_exits_total: Object.entries(tally.exits).map(([reason, value]) => ({
      labels: { reason },
      value,
    })),
    tgunicorn_harakiris_total: [
      { labels: { kind: "worker" }, value: tally.stuck },
      { labels: { kind: "thread" }, value: all.threadsEnded },
      { labels: { kind: "request" }, value: all.timedOut },
    ],
    tgunicorn_reloads_total: [
      { labels: { result: "ok" }, value: tally.reloadsOk },
      { labels: { result: "failed" }, value: tally.reloadsFailed },
    ],
    tgunicorn_last_reload_timestamp_seconds: one(lastReload === null ? 0 : unixTime - since(lastReload.at)),
    tgunicorn_last_reload_age_seconds: one(since(lastReload?.at ?? facts.startedAt)),
    tgunicorn_last_reload_ok: one(lastReload === null || lastReload.failure === null ? 1 : 0),
    ...requestSamples(sources.totals),
    tgunicorn_requests_in_flight: one(active),
    tgunicorn_accept_wait_seconds: histogram(all.wait, {}),
    tgunicorn_response_bytes_total: one(all.sentBytes),
    tgunicorn_connections_total: one(all.connections),
    tgunicorn_connections: connectionsBy(living, active),
    tgunicorn_listen_queue: queues.flatMap(({ listener, waiting }) =>
      waiting === null ? [] : one(waiting, { listener }),
    ),
    tgunicorn_listen_queue_limit: queues.flatMap(({ listener, limit }) => one(limit, { listener })),
    tgunicorn_listen_queue_full_seconds_total: queues.flatMap(({ listener, full }) =>
      one(full, { listener }),
    ),
    tgunicorn_listen_overflows_total: unless(sources.overflows),
    ...workerSamples(sources),
    tgunicorn_worker_cpu_seconds_total: one(all.processor),
    tgunicorn_worker_gc_seconds_total: COLLECTIONS.map((kind) => ({
      labels: { kind },
      value: all.collecting[kind],
    })),
    tgunicorn_log_lines_lost_total: LOGS.map((log) => ({
      labels: { log },
      value: all.lost[log] + sources.lost[log],
    })),
    tgunicorn_arbiter_resident_memory_bytes: unless(sources.memory.get(facts.pid) ?? null),
  };
}

function sumOf(rows: Iterable<Float64Array>): Float64Array {
  const sum = emptyRow();
  for (const row of rows) addRow(sum, row);
  return sum;
}

function workersBy({ workers }: ArbiterState): readonly Sample[] {
  const count = (...names: readonly string[]): number =>
    workers.filter(({ phase }) => names.includes(phase.name)).length;
  return [
    { labels: { state: "booting" }, value: count("booting") },
    { labels: { state: "serving" }, value: count("serving") },
    { labels: { state: "leaving" }, value: count("draining", "aborting", "killed") },
  ];
}

function connectionsBy(counted: Counted, requests: number): readonly Sample[] {
  const upgraded = upgradedConnections(counted);
  const plain = Math.max(0, openConnections(counted) - upgraded);
  // Of HTTP/2 several requests share one.
  const active = Math.min(plain, requests);
  return [
    { labels: { state: "active" }, value: active },
    { labels: { state: "idle" }, value: plain - active },
    { labels: { state: "upgraded" }, value: upgraded },
  ];
}

function requestSamples(
  totals: ReadonlyMap<string, Float64Array>,
): Pick<Samples, "tgunicorn_requests_total" | "tgunicorn_request_duration_seconds"> {
  const series = [...totals].flatMap(([workerClass, row]) =>
    readCounted(row).requests.map(({ method, status, ...durations }) => ({
      labels: { method, status, worker_class: workerClass },
      durations,
    })),
  );
  return {
    tgunicorn_requests_total: series.map(({ labels, durations }) => ({ labels, value: durations.count })),
    tgunicorn_request_duration_seconds: series.flatMap(({ labels, durations }) =>
      histogram(durations, labels),
    ),
  };
}

/** Prometheus's buckets hold all that is faster, too. */
function histogram({ buckets, count, sum }: Histogram, labels: Labels): readonly Sample[] {
  let below = 0;
  const lines = BOUNDS.map((bound, at) => {
    below += buckets[at] ?? 0;
    return { labels: { le: String(bound), ...labels }, value: below, suffix: "_bucket" };
  });
  return [
    ...lines,
    { labels: { le: "+Inf", ...labels }, value: count, suffix: "_bucket" },
    { labels, value: sum, suffix: "_sum" },
    { labels, value: count, suffix: "_count" },
  ];
}

/** A place in the fleet that two processes have for a while is the younger's, as in the log. */
function youngest(workers: readonly WorkerState[]): readonly WorkerState[] {
  return [...new Map(workers.map((worker) => [worker.slot, worker])).values()];
}

type OfWorkers =
  | "tgunicorn_worker_event_loop_delay_seconds"
  | "tgunicorn_worker_event_loop_utilization"
  | "tgunicorn_worker_heap_used_bytes"
  | "tgunicorn_worker_heap_total_bytes"
  | "tgunicorn_worker_resident_memory_bytes"
  | "tgunicorn_worker_silent_seconds";

function workerSamples({ state, live, memory, now }: Sources): Pick<Samples, OfWorkers> {
  const workers = youngest(state.workers);
  const counts = new Map(live.map((counted) => [counted.id, counted]));
  const each = (samples: (worker: WorkerState, labels: Labels) => readonly Sample[]): readonly Sample[] =>
    workers.flatMap((worker) => samples(worker, { worker: String(worker.slot) }));
  const looped = (value: (loop: NonNullable<ReturnType<typeof worstLoop>>) => number): readonly Sample[] =>
    each(({ id }, labels) => {
      const loop = worstLoop(counts.get(id)?.loops ?? []);
      return loop === null ? [] : one(value(loop), labels);
    });
  const delays = [
    ["50", "delayP50"],
    ["99", "delayP99"],
    ["100", "delayMax"],
  ] as const;
  return {
    tgunicorn_worker_event_loop_delay_seconds: each(({ id }, labels) => {
      const loop = worstLoop(counts.get(id)?.loops ?? []);
      if (loop === null) return [];
      return delays.flatMap(([percentile, name]) => one(loop[name], { ...labels, percentile }));
    }),
    tgunicorn_worker_event_loop_utilization: looped(({ utilization }) => utilization),
    tgunicorn_worker_heap_used_bytes: looped(({ heapUsed }) => heapUsed),
    tgunicorn_worker_heap_total_bytes: looped(({ heapTotal }) => heapTotal),
    tgunicorn_worker_resident_memory_bytes: each(({ pid }, labels) => {
      const bytes = pid === null ? undefined : memory.get(pid);
      return bytes === undefined ? [] : one(bytes, labels);
    }),
    tgunicorn_worker_silent_seconds: each(({ phase, policy }, labels) => {
      if (phase.name !== "serving" || !Number.isFinite(phase.beatBy)) return [];
      return one(Math.max(0, now - (phase.beatBy - policy.timeout)) / 1_000, labels);
    }),
  };
}
