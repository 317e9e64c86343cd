import assert from "node:assert/strict";
import { test } from "node:test";
import { findWorker, workerView } from "../../src/arbiter/control/view.ts";
import { readiness } from "../../src/arbiter/health.ts";
import { type ArbiterState, initialState, type WorkerState } from "../../src/arbiter/state.ts";
import { activity, announcement, type Standing, standingOf } from "../../src/arbiter/systemd/say.ts";
import { usual } from "./scenario.ts";

const worker = (id: number, more: Partial<WorkerState> = {}): WorkerState => ({
  id,
  slot: id,
  generation: 1,
  policy: usual,
  pid: 1_000 + id,
  phase: { name: "serving", beatBy: 40_000 },
  spawnedAt: 0,
  readyAt: 100,
  retiring: null,
  ending: null,
  announced: false,
  failed: null,
  ...more,
});

const state = (serving: number, more: Partial<ArbiterState> = {}): ArbiterState => ({
  ...initialState({ ...usual, workers: 4 }, 1),
  phase: { name: "running" },
  workers: Array.from({ length: serving }, (_, index) => worker(index + 1)),
  ...more,
});

for (const [quorum, needed] of [
  ["1", 1],
  ["3", 3],
  ["9", 4],
  ["1%", 1],
  ["50%", 2],
  ["51%", 3],
  ["75%", 3],
  ["100%", 4],
] as const) {
  test(`of four workers ${quorum} are ${needed}`, () => {
    assert.equal(readiness(state(needed), quorum).ready, true);
    assert.equal(readiness(state(needed - 1), quorum).ready, false);
    assert.equal(readiness(state(0), quorum).needed, needed);
  });
}

test("nothing is ready that stops, or is to have no workers", () => {
  assert.match(readiness(state(4, { phase: { name: "announcing", drainAt: 9 } }), "1").reason ?? "", /stops/);
  assert.match(readiness(state(0, { target: 0 }), "1").reason ?? "", /no workers/);
});

test("a worker's number means the younger of two, its pid exactly one", () => {
  const workers = [worker(1, { slot: 2 }), worker(2), worker(3, { slot: 1 })];
  assert.equal(findWorker(workers, "2")?.id, 2);
  assert.equal(findWorker(workers, "pid=1001")?.id, 1);
  assert.equal(findWorker(workers, "3"), undefined);
});

test("a worker's silence and deadline are told in seconds", () => {
  const { silent, deadline, uptime } = workerView(worker(1), 12_500);
  assert.deepEqual([silent, deadline, uptime], [2.5, 27.5, 12.5]);
  const unwatched = workerView(
    worker(1, { phase: { name: "serving", beatBy: Number.POSITIVE_INFINITY } }),
    12_500,
  );
  assert.deepEqual([unwatched.silent, unwatched.deadline], [null, null]);
});

test("systemd hears of every turn once, and of none while another arbiter speaks", () => {
  const silent: Standing = { word: "silent", mainPid: null, status: "" };
  const said: string[][] = [];
  let before: Standing = { word: "starting", mainPid: null, status: "" };
  const tell = (next: ArbiterState): void => {
    const standing = standingOf(next);
    said.push(announcement(before, standing, 41, 7n));
    before = standing;
  };
  tell(state(3, { phase: { name: "starting" } }));
  tell(state(4));
  tell(state(3));
  tell(state(4, { rollout: { name: "loading", since: 0, paused: false } }));
  tell(state(4, { rollout: { name: "replacing", generation: 2, since: 0, losses: 0 } }));
  tell(state(4));
  tell(state(4, { phase: { name: "announcing", drainAt: 9 } }));
  tell(state(2, { phase: { name: "stopping", urgency: "graceful", killAt: 9, status: 0 } }));
  assert.deepEqual(said, [
    [],
    ["READY=1"],
    [],
    ["RELOADING=1", "MONOTONIC_USEC=7"],
    [],
    ["READY=1"],
    ["STOPPING=1"],
    [],
  ]);
  const handing = standingOf(
    state(4, { phase: { name: "announcing", drainAt: 9 }, upgrade: { name: "running", pid: 42 } }),
  );
  assert.deepEqual(announcement(before, handing, 41, 7n), ["MAINPID=42"]);
  assert.deepEqual(standingOf(state(4, { elder: 40 })), silent);
  assert.deepEqual(announcement(silent, standingOf(state(4)), 42, 7n), ["READY=1", "MAINPID=42"]);
});

test("the status tells what the fleet does, in round figures", () => {
  assert.equal(activity(undefined), "");
  assert.equal(activity({ perSecond: 0, p99: null, inFlight: 0 }), "; 0 requests/s, 0 in flight");
  assert.equal(
    activity({ perSecond: 0.64, p99: 8.04, inFlight: 1 }),
    "; 0.6 requests/s, p99 8 ms, 1 in flight",
  );
  assert.equal(
    activity({ perSecond: 950.4, p99: 112.6, inFlight: 31 }),
    "; 950 requests/s, p99 113 ms, 31 in flight",
  );
});
