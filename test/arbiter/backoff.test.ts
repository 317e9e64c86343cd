import assert from "node:assert/strict";
import { test } from "node:test";
import { afterCalm, afterFailure, HEALTHY_AFTER, nextRandom } from "../../src/arbiter/backoff.ts";
import { initialState } from "../../src/arbiter/state.ts";
import { usual } from "./scenario.ts";

const none = initialState(usual, 1).backoff;

test("waits from 0.1 s to 30 s, doubled each time, a quarter more or less", () => {
  let backoff = none;
  const waits: number[] = [];
  for (let now = 0; waits.length < 12; now += 100_000) {
    backoff = afterFailure(backoff, now, now, 0.5);
    waits.push(backoff.retryAt - now);
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000]);
  assert.equal(afterFailure(none, 0, 0, 0).retryAt, 75);
  assert.equal(afterFailure(none, 0, 0, 1).retryAt, 125);
});

test("workers spawned before the failure counted last belong to its wave", () => {
  const first = afterFailure(none, 0, 1_000, 0.5);
  const second = afterFailure(first, 0, 1_010, 0.5);
  assert.equal(second.failures, 1);
  assert.equal(second.retryAt, 1_110);
  assert.equal(afterFailure(second, 1_110, 1_200, 0.5).failures, 2);
});

test("a worker that was ready after the last failure, and healthy since, ends it", () => {
  const failed = afterFailure(none, 0, 1_000, 0.5);
  assert.equal(afterCalm(failed, [999], 1_000 + 10 * HEALTHY_AFTER).failures, 1);
  assert.equal(afterCalm(failed, [1_500], 1_499 + HEALTHY_AFTER).failures, 1);
  assert.equal(afterCalm(failed, [999, 1_500], 1_500 + HEALTHY_AFTER).failures, 0);
  assert.equal(afterCalm(none, [], 0), none);
});

test("random numbers repeat, lie in 0..1 and spread evenly", () => {
  let seed = 7;
  const buckets = Array.from({ length: 10 }, () => 0);
  for (let count = 0; count < 10_000; count++) {
    const [number, next] = nextRandom(seed);
    assert.deepEqual(nextRandom(seed), [number, next]);
    assert.ok(number >= 0 && number < 1);
    const bucket = Math.floor(number * 10);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    seed = next;
  }
  for (const count of buckets) assert.ok(count > 850 && count < 1_150, `${buckets}`);
});
