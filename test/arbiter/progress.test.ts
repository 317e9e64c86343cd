import assert from "node:assert/strict";
import { test } from "node:test";
import { progressOf } from "../../src/arbiter/progress/say.ts";
import { type ArbiterState, initialState, type WorkerState } from "../../src/arbiter/state.ts";
import { usual } from "./scenario.ts";

const NOW = 11_200;

const worker = (id: number, name: "booting" | "serving" | "draining", generation = 1): WorkerState => ({
  id,
  slot: id,
  generation,
  policy: usual,
  pid: 1_000 + id,
  phase:
    name === "booting"
      ? { name, bootBy: 40_000 }
      : name === "serving"
        ? { name, beatBy: 40_000 }
        : { name, killAt: 40_000, beatBy: 40_000 },
  spawnedAt: 0,
  readyAt: null,
  retiring: null,
  ending: null,
  announced: false,
  failed: null,
});

function said(more: Partial<ArbiterState>, inFlight: number | null = null): string | null {
  const state = {
    ...initialState({ ...usual, workers: 4 }, 1),
    phase: { name: "running" } as const,
    ...more,
  };
  return progressOf(state, { now: NOW, startedAt: 10_000, inFlight });
}

test("nothing is said while nothing is waited for", () => {
  assert.equal(said({}), null);
  assert.equal(said({ phase: { name: "stopped" } }), null);
});

test("a start counts the workers that are ready", () => {
  const workers = [worker(1, "serving"), worker(2, "booting"), worker(3, "serving")];
  assert.equal(said({ phase: { name: "starting" }, workers }), "starting: 2/4 workers ready, 1.2 s");
});

test("a start that has failed and waits for a change says nothing", () => {
  const { backoff } = initialState(usual, 1);
  const waiting = { ...backoff, retryAt: Number.POSITIVE_INFINITY };
  assert.equal(said({ phase: { name: "starting" }, backoff: waiting }), null);
});

test("another arbiter's successor says nothing", () => {
  assert.equal(said({ phase: { name: "starting" }, elder: 7 }), null);
});

test("a reload counts the new workers alone, against what there are to be", () => {
  const since = 10_900;
  const workers = [
    worker(1, "serving"),
    worker(2, "draining"),
    worker(3, "serving", 2),
    worker(4, "booting", 2),
  ];
  const loading = { name: "loading", since, paused: false } as const;
  assert.equal(said({ rollout: loading, workers }), "reloading: reading the configuration, 0.3 s");
  const trying = { name: "trying", generation: 2, policy: usual, target: 6, since, losses: 0 } as const;
  assert.equal(said({ rollout: trying, workers }), "reloading: 1/6 workers new, 0.3 s");
  assert.equal(said({ rollout: { ...trying, target: null }, workers }), "reloading: 1/4 workers new, 0.3 s");
  const replacing = { name: "replacing", generation: 2, since, losses: 0 } as const;
  assert.equal(said({ rollout: replacing, workers }), "reloading: 1/4 workers new, 0.3 s");
});

test("a stop tells what it waits for, and for how long at the most", () => {
  const workers = [worker(1, "draining"), worker(2, "draining")];
  const stopping = { name: "stopping", urgency: "graceful", killAt: 14_000, status: 0 } as const;
  assert.equal(
    said({ phase: stopping, workers }, 12),
    "stopping: 12 requests draining in 2 workers, 3 s left",
  );
  assert.equal(
    said({ phase: { ...stopping, killAt: 9_000 }, workers: workers.slice(1) }, 1),
    "stopping: 1 request draining in 1 worker, 0 s left",
  );
  assert.equal(said({ phase: stopping, workers }), "stopping: 2 workers to end, 3 s left");
  assert.equal(said({ phase: stopping }, 0), null);
  assert.equal(
    said({ phase: { name: "announcing", drainAt: 20_000 }, workers }),
    "stopping: serves on for load balancers to notice, 9 s left",
  );
});
