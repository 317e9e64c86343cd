import assert from "node:assert/strict";
import { deeds, type Scenario, serving } from "../scenario.ts";

const NEVER = Number.POSITIVE_INFINITY;

export const suspend: readonly Scenario[] = [
  {
    name: "a suspended machine: nobody is killed when it wakes up, however long it slept",
    play(begin) {
      for (const at of [10_050, 10_150, 10_400, 10_950]) {
        for (const ms of [1_500, 4_900, 3_600_000]) {
          for (const timerFirst of [true, false]) {
            const world = begin({ timeout: 2_500 }, { timerFirst });
            world.at(at, { suspend: "machine", ms });
            world.run(at + ms + 60_000);
            assert.deepEqual(world.lines(/ kill /), []);
            assert.deepEqual(serving(world), [1, 2]);
          }
        }
      }
    },
  },
  {
    name: "an arbiter that was stopped reads what its workers said before it judges them",
    play(begin) {
      for (const ms of [1_300, 3_000, 60_000]) {
        const world = begin({ timeout: 1_200 }, { timerFirst: true });
        world.at(10_250, { suspend: "arbiter", ms });
        world.run(10_250 + ms + 60_000);
        assert.deepEqual(world.lines(/ kill /), []);
      }
    },
  },
  {
    name: "a worker that boots while the arbiter is stopped was in time",
    play(begin) {
      const world = begin({ bootTimeout: 3_000 }, { timerFirst: true });
      world.next({ bootMs: 2_900 }, { bootMs: 2_900 });
      world.at(2_500, { suspend: "arbiter", ms: 30_000 });
      world.run(60_000);
      assert.deepEqual(world.lines(/ kill /), []);
      assert.deepEqual(serving(world), [1, 2]);
    },
  },
  {
    name: "a drain keeps its time through a suspension",
    play(begin) {
      const world = begin({ gracefulTimeout: 5_000 });
      world.next({ drainMs: 4_900 }, { drainMs: NEVER });
      world.at(10_000, "term");
      world.at(11_100, { suspend: "machine", ms: 600_000 });
      world.run(700_000);
      const kills = world.lines(/ kill /);
      assert.equal(kills.length, 1);
      assert.match(kills[0] ?? "", /^61[567]\d{3} kill 2 SIGKILL, explained$/);
      assert.equal(world.exitStatus(), 0);
    },
  },
  {
    name: "a stuck worker is found after a suspension as well",
    play(begin) {
      const world = begin({ timeout: 3_000 });
      world.next({ freezeAt: 9_000 });
      world.at(10_050, { suspend: "machine", ms: 600_000 });
      world.run(620_000);
      assert.deepEqual(deeds(world, 610_000).length, 2);
      assert.equal(world.lines(/kill 1 SIGABRT/).length, 1);
    },
  },
];
