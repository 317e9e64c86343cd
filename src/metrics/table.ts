// Every metric, once: its name, what it tells, its labels. https://prometheus.io/docs/practices/naming/

export interface Metric {
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly help: string;
  readonly labels: readonly string[];
}

const metric = (type: Metric["type"], help: string, ...labels: readonly string[]): Metric => ({
  type,
  help,
  labels,
});

export const metrics = {
  tgunicorn_info: metric(
    "gauge",
    "1: the server's version, its kind of workers, and Node's version.",
    "version",
    "worker_class",
    "node_version",
  ),
  tgunicorn_uptime_seconds: metric("gauge", "Seconds since the arbiter began."),
  tgunicorn_workers: metric("gauge", "Worker processes by what they do: booting, serving, leaving.", "state"),
  tgunicorn_workers_wanted: metric("gauge", "How many workers there should be."),
  tgunicorn_generation: metric("gauge", "The generation in service: it rises with every reload."),
  tgunicorn_worker_spawns_total: metric("counter", "Worker processes that were started."),
  tgunicorn_worker_exits_total: metric(
    "counter",
    "Worker processes that have ended, by the reason.",
    "reason",
  ),
  tgunicorn_harakiris_total: metric(
    "counter",
    "What was ended for hanging: stuck workers, stuck threads, requests out of their time (requestTimeout).",
    "kind",
  ),
  tgunicorn_reloads_total: metric(
    "counter",
    "Reloads that have ended: ok, or failed and the old generation serves on.",
    "result",
  ),
  tgunicorn_last_reload_timestamp_seconds: metric(
    "gauge",
    "When the last reload ended, in Unix time; 0 where there was none.",
  ),
  tgunicorn_last_reload_age_seconds: metric(
    "gauge",
    "Seconds since the last reload ended; those since the start where there was none.",
  ),
  tgunicorn_last_reload_ok: metric(
    "gauge",
    "1 where the last reload went well, or there was none; 0 where it failed.",
  ),
  tgunicorn_requests_total: metric("counter", "Requests that are over.", "method", "status", "worker_class"),
  tgunicorn_request_duration_seconds: metric(
    "histogram",
    "From the head of a request to the end of its answer; of an upgraded one to its upgrade.",
    "method",
    "status",
    "worker_class",
  ),
  tgunicorn_requests_in_flight: metric("gauge", "Requests that the application has and has not answered."),
  tgunicorn_accept_wait_seconds: metric(
    "histogram",
    "From the moment a connection is accepted until its first request comes to the application.",
  ),
  tgunicorn_response_bytes_total: metric("counter", "Bytes of answers' bodies."),
  tgunicorn_connections_total: metric("counter", "Connections that were accepted."),
  tgunicorn_connections: metric(
    "gauge",
    "Open connections: active with a request, idle, or upgraded to another protocol.",
    "state",
  ),
  tgunicorn_listen_queue: metric(
    "gauge",
    "Connections that wait in the kernel's queue for a worker.",
    "listener",
  ),
  tgunicorn_listen_queue_limit: metric("gauge", "How many may wait there.", "listener"),
  tgunicorn_listen_queue_full_seconds_total: metric(
    "counter",
    "Seconds for which that queue was full, looked at each second.",
    "listener",
  ),
  tgunicorn_listen_overflows_total: metric(
    "counter",
    "Connections that the kernel turned away for a full queue: of all TCP listeners of the machine, or the container.",
  ),
  tgunicorn_worker_event_loop_delay_seconds: metric(
    "gauge",
    "How late the event loop was in the last seconds: median (50), 99th percentile (99) and worst (100); of threads the worst.",
    "worker",
    "percentile",
  ),
  tgunicorn_worker_event_loop_utilization: metric(
    "gauge",
    "Share of its time that the event loop was busy; of threads the mean.",
    "worker",
  ),
  tgunicorn_worker_heap_used_bytes: metric("gauge", "Bytes that JavaScript objects take up.", "worker"),
  tgunicorn_worker_heap_total_bytes: metric("gauge", "Bytes that V8 has for them.", "worker"),
  tgunicorn_worker_resident_memory_bytes: metric("gauge", "The process's resident memory.", "worker"),
  tgunicorn_worker_cpu_seconds_total: metric(
    "counter",
    "Processor time of all workers, those that have ended included.",
  ),
  tgunicorn_worker_gc_seconds_total: metric(
    "counter",
    "Time in the garbage collector, by the kind of collection.",
    "kind",
  ),
  tgunicorn_worker_silent_seconds: metric(
    "gauge",
    "Seconds since the worker last said that its event loop runs.",
    "worker",
  ),
  tgunicorn_log_lines_lost_total: metric(
    "counter",
    "Lines of the logs and messages to syslog and statsd that could not be written, of workers and arbiter.",
    "log",
  ),
  tgunicorn_arbiter_resident_memory_bytes: metric("gauge", "The arbiter's resident memory."),
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof metrics;
