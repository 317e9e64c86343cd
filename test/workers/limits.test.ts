import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { watchLimits } from "../../src/workers/limits.ts";

const MB = 1024 * 1024;
const none = { maxWorkerLifetime: 0, maxWorkerLifetimeJitter: 0, maxMemory: 0 };

function watched(config: Partial<typeof none>, random = 0) {
  const reasons: string[] = [];
  const memory = { rss: 0, looks: 0 };
  const end = watchLimits({
    config: { ...none, ...config },
    random: () => random,
    rss: () => {
      memory.looks++;
      return memory.rss;
    },
    retire: (reason) => reasons.push(reason),
  });
  return { reasons, memory, end };
}

test.beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "setInterval"] }));
test.afterEach(() => mock.timers.reset());

test("without limits nothing is watched", () => {
  const { reasons, memory } = watched({});
  mock.timers.tick(1e9);
  assert.deepEqual([reasons, memory.looks], [[], 0]);
});

test("a lifetime ends after itself and its part of the jitter", () => {
  const { reasons } = watched({ maxWorkerLifetime: 10, maxWorkerLifetimeJitter: 4 }, 0.5);
  mock.timers.tick(11_999);
  assert.deepEqual(reasons, []);
  mock.timers.tick(1);
  assert.deepEqual(reasons, ["it has served for 12.0 s"]);
});

test("the longest lifetime with jitter is no timer that fires at once", () => {
  const { reasons } = watched({ maxWorkerLifetime: 2_147_483, maxWorkerLifetimeJitter: 2_147_483 }, 0.9);
  mock.timers.tick(2_147_482_000);
  assert.deepEqual(reasons, []);
});

test("memory is looked at once a second, and told once", () => {
  const { reasons, memory } = watched({ maxMemory: 100 * MB, maxWorkerLifetime: 60 });
  memory.rss = 100 * MB;
  mock.timers.tick(3_999);
  assert.deepEqual([memory.looks, reasons], [3, []]);
  memory.rss++;
  mock.timers.tick(100_000);
  assert.deepEqual(reasons, ["it uses 100.0 MB of memory, and maxMemory is 100.0 MB"]);
  assert.equal(memory.looks, 4);
});

test("nothing is told after the end", () => {
  const { reasons, memory, end } = watched({ maxMemory: 1, maxWorkerLifetime: 1 });
  memory.rss = 2;
  end();
  mock.timers.tick(10_000);
  assert.deepEqual(reasons, []);
});
