import assert from "node:assert/strict";
import { test } from "node:test";
import { looked, rateOf, type Track } from "../../src/arbiter/metrics/rates.ts";
import { samplesOf } from "../../src/arbiter/metrics/samples.ts";
import { emptyTally, tallied } from "../../src/arbiter/metrics/tally.ts";
import { endingOf, initialState } from "../../src/arbiter/state.ts";
import { step } from "../../src/arbiter/step.ts";
import { createLedger } from "../../src/metrics/ledger.ts";
import { LEDGER_LENGTH } from "../../src/metrics/row.ts";
import { metrics } from "../../src/metrics/table.ts";
import { usual } from "./scenario.ts";

/** A row in which so many requests have ended, each after `milliseconds`. */
function row(requests: number, milliseconds = 10, status = 200): Float64Array {
  const found = new Float64Array(LEDGER_LENGTH);
  const bytes = new Uint8Array(found.buffer);
  const write = (all: Uint8Array, length: number): void => bytes.set(all.subarray(0, length));
  const ledger = createLedger({ write, later() {}, lazily() {} });
  for (let i = 0; i < requests; i++) {
    ledger.begun();
    ledger.ended("GET", status, milliseconds, 5);
  }
  ledger.flush();
  return found;
}

test("rates are of the last five seconds, whatever was before", () => {
  let track: Track = [];
  for (let second = 0; second <= 20; second++) track = looked(track, row(second * 100), second * 1_000);
  const { perSecond, p50, failuresPerSecond } = rateOf(track);
  assert.equal(perSecond, 100);
  assert.ok(Math.abs((p50 ?? 0) - 10) < 0.5);
  assert.equal(failuresPerSecond, 0);
  assert.ok(track.length <= 7);
  // Nothing ended since: there is nothing to tell of how long it took.
  for (let second = 21; second <= 30; second++) track = looked(track, row(2_000), second * 1_000);
  assert.deepEqual(rateOf(track), { perSecond: 0, failuresPerSecond: 0, p50: null, p99: null });
  assert.deepEqual(rateOf([]), { perSecond: 0, failuresPerSecond: 0, p50: null, p99: null });
});

test("every metric of the table has samples with the labels that it names, and no others", () => {
  const busy = row(3, 10, 500);
  const samples = samplesOf({
    state: {
      ...initialState({ ...usual, workers: 2 }, 1),
      workers: [
        {
          id: 1,
          slot: 1,
          generation: 1,
          policy: usual,
          pid: 41,
          phase: { name: "serving", beatBy: usual.timeout },
          spawnedAt: 0,
          readyAt: 1,
          retiring: null,
          ending: null,
          announced: false,
          failed: null,
        },
      ],
    },
    facts: {
      server: "tgunicorn/1.2.3",
      pid: 40,
      app: "a:b",
      workerClass: "sync",
      listeners: [],
      lastReload: { at: 1_000, failure: "no" },
      startedAt: 0,
    },
    lost: { error: 1, access: 0, syslog: 2, statsd: 0 },
    tally: { ...emptyTally, exits: { ...emptyTally.exits, stuck: 2 }, stuck: 2 },
    totals: new Map([["sync", busy]]),
    live: [
      {
        id: 1,
        workerClass: "sync",
        row: busy,
        loops: [
          { delayP50: 1, delayP99: 2, delayMax: 3, utilization: 0.5, heapUsed: 1, heapTotal: 2, looks: 1 },
          { delayP50: 1, delayP99: 4, delayMax: 5, utilization: 0.1, heapUsed: 1, heapTotal: 2, looks: 1 },
        ],
      },
    ],
    queues: [{ listener: "unix:/a", waiting: 3, limit: 5, full: 1 }],
    overflows: 7,
    busy: new Map([[1, 9]]),
    memory: new Map([
      [40, 1_000],
      [41, 2_000],
    ]),
    nodeVersion: "20.0.0",
    now: 3_000,
    unixTime: 100,
  });
  for (const [name, { labels, type }] of Object.entries(metrics)) {
    const found = Object.entries(samples).find(([of]) => of === name)?.[1] ?? [];
    assert.ok(found.length > 0, `${name} has no sample`);
    for (const sample of found) {
      const given = Object.keys(sample.labels).filter((label) => type !== "histogram" || label !== "le");
      assert.deepEqual(given.sort(), [...labels].sort(), name);
      assert.ok(Number.isFinite(sample.value), name);
    }
  }
  const value = (name: keyof typeof metrics): number | undefined => samples[name][0]?.value;
  assert.equal(value("tgunicorn_requests_in_flight"), 9);
  assert.equal(value("tgunicorn_requests_total"), 3);
  assert.equal(value("tgunicorn_last_reload_timestamp_seconds"), 98);
  assert.equal(value("tgunicorn_last_reload_ok"), 0);
  const delays = samples.tgunicorn_worker_event_loop_delay_seconds.map(({ value: delay }) => delay);
  assert.deepEqual(delays, [1, 4, 5]);
  const infinite = samples.tgunicorn_request_duration_seconds.find(({ labels }) => labels.le === "+Inf");
  assert.deepEqual([infinite?.value, infinite?.labels.status], [3, "5xx"]);
});

test("the arbiter counts spawns, ends by their reason, and reloads", () => {
  let state = initialState({ ...usual, workers: 2 }, 1);
  let tally = emptyTally;
  let now = 0;
  const happens = (event: Parameters<typeof step>[1]): void => {
    now += 10;
    const { state: next, effects } = step(state, event, now);
    tally = tallied(tally, state, event, next, effects);
    state = next;
  };
  happens({ type: "start" });
  for (const id of [1, 2]) {
    happens({ type: "spawned", id, pid: 100 + id });
    happens({ type: "ready", id });
  }
  happens({ type: "exited", id: 1, code: null, signal: "SIGKILL" });
  happens({ type: "reload" });
  happens({ type: "configFailed", reason: "no" });
  happens({ type: "stop", quick: false, signal: "SIGTERM" });
  for (const { id } of state.workers) happens({ type: "exited", id, code: 0, signal: null });
  assert.deepEqual(tally, {
    spawns: 2,
    exits: { ...emptyTally.exits, killed: 1, stopped: 1 },
    stuck: 0,
    reloadsOk: 0,
    reloadsFailed: 1,
  });
});

test("a worker's end has the first reason there was", () => {
  let state = initialState({ ...usual, workers: 1, timeout: 1_000 }, 1);
  let now = 0;
  const happens = (event: Parameters<typeof step>[1], after = 10): void => {
    now += after;
    state = step(state, event, now).state;
  };
  happens({ type: "start" });
  happens({ type: "spawned", id: 1, pid: 101 });
  happens({ type: "ready", id: 1 });
  for (let tick = 0; tick < 12; tick++) happens({ type: "tick" }, 100);
  const [worker] = state.workers;
  assert.equal(worker?.phase.name, "aborting");
  happens({ type: "stop", quick: true, signal: "SIGINT" });
  const [after] = state.workers;
  assert.equal(after && endingOf(after, "SIGKILL"), "stuck");
});
