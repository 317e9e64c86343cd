import assert from "node:assert/strict";
import type { World } from "../../sim/world.ts";
import { deeds, type Scenario, serving, usual } from "../scenario.ts";

export const signals: readonly Scenario[] = [
  {
    name: "TTIN adds a worker, TTOU drains the oldest, and one is the least",
    play(begin) {
      const world = begin();
      world.at(1_000, "more");
      for (const at of [2_000, 3_000, 4_000]) world.at(at, "fewer");
      world.run(10_000);
      assert.deepEqual(deeds(world, 200), [
        "1000 resized 3 was 2",
        "1000 spawn 3 slot=3 gen=1",
        "2000 resized 2 was 3",
        "2000 drain 1 keep",
        "3000 resized 1 was 2",
        "3000 drain 2 keep",
      ]);
      assert.match(world.lines(/warning/)[0] ?? "", /4000 warning: TTOU ignored/);
      assert.deepEqual(serving(world), [3]);
    },
  },
  {
    name: "TTOU takes back a worker that boots before one that serves",
    play(begin) {
      const world = begin();
      world.at(900, () => world.next({ bootMs: 5_000 }));
      world.at(1_000, "more");
      world.at(2_000, "fewer");
      world.run(10_000);
      assert.deepEqual(world.lines(/ (withdraw|drain)/), ["2000 withdraw 3 keep"]);
    },
  },
  {
    name: "TTOU during a recycle takes the worker that is to go anyway",
    play(begin) {
      const world = begin({ workers: 3 });
      world.next({}, { retireAt: 900 });
      world.at(999, () => world.next({ bootMs: 5_000 }));
      world.at(2_000, "fewer");
      world.run(10_000);
      assert.deepEqual(serving(world), [1, 3]);
    },
  },
  {
    name: "TTIN and TTOU survive a HUP that leaves the number of workers alone",
    play(begin) {
      const world = begin();
      world.at(1_000, "more");
      world.at(5_000, "reload");
      world.run(20_000);
      assert.equal(serving(world).length, 3);
    },
  },
  {
    name: "a HUP that changes the number of workers overrides TTIN",
    play(begin) {
      const world = begin();
      world.nextLoad({ ms: 0, answer: { policy: { ...usual, workers: 4 } } });
      world.at(1_000, "more");
      world.at(5_000, "reload");
      world.run(20_000);
      assert.equal(serving(world).length, 4);
    },
  },
  {
    name: "TTIN during a reload counts, also when that changes the number of workers",
    play(begin) {
      const world = begin();
      world.nextLoad({ ms: 0, answer: { policy: { ...usual, workers: 4 } } });
      world.at(5_000, "reload");
      world.at(5_050, "more");
      world.run(20_000);
      assert.equal(serving(world).length, 5);
    },
  },
  {
    name: "WINCH drops all workers, and HUP brings them back",
    play(begin) {
      const world = begin();
      world.at(1_000, "pause");
      world.at(5_000, "reload");
      world.run(3_000);
      assert.equal(world.state().workers.length, 0);
      world.run(20_000);
      assert.deepEqual(deeds(world, 200), [
        "1000 resized 0 was 2",
        "1000 drain 1 keep",
        "1000 drain 2 keep",
        "5000 loadConfig",
        "5000 hook onReload",
        "5000 spawn 3 slot=1 gen=2",
        "5100 resized 2 was 0",
        "5100 adopt 2",
        "5100 spawn 4 slot=2 gen=2",
        "5100 releaseOld 2",
      ]);
      assert.deepEqual(serving(world), [3, 4]);
    },
  },
  {
    name: "WINCH during a reload outlives it",
    play(begin) {
      const world = begin();
      world.nextLoad({ ms: 1_000, answer: { policy: { ...usual, workers: 3 } } });
      world.at(5_000, "reload");
      world.at(5_500, "pause");
      world.run(20_000);
      assert.equal(world.state().workers.length, 0);
      assert.equal(world.state().rollout, null);
      assert.equal(world.state().generation, 2);
    },
  },
  ...[5_050, 5_500].map((at) => ({
    name: `WINCH during a reload (${at - 5_000} ms after it began) puts no generation in force that does not boot`,
    play(begin: () => World) {
      const world = begin();
      world.nextLoad({ ms: 100, answer: { policy: { ...usual, workers: 3 } } });
      const broken = { bootMs: 1_000, bootExit: { status: 3, reason: "broken" } } as const;
      world.at(4_999, () => world.next(broken));
      world.at(5_000, "reload");
      world.at(at, "pause");
      world.run(20_000);
      assert.equal(world.state().workers.length, 0);
      assert.equal(world.state().generation, 1);
      assert.equal(world.lines(/error: Reload aborted, and there are no workers until TTIN/).length, 1);
    },
  })),
  ...(
    [
      ["reload", "reload", "pause"],
      ["pause", "reload", "pause"],
    ] as const
  ).map((signals) => ({
    name: `WINCH is the last word: ${signals.join(", ")}`,
    play(begin: () => World) {
      const world = begin();
      for (let i = 0; i < 2; i++) world.nextLoad({ ms: 1_000, answer: { policy: { ...usual, workers: 3 } } });
      for (const [i, signal] of signals.entries()) world.at(5_000 + i * 200, signal);
      world.run(20_000);
      assert.equal(world.state().workers.length, 0);
      assert.equal(world.state().rollout, null);
      world.at(25_000, "reload");
      world.run(40_000);
      assert.equal(serving(world).length, 3);
    },
  })),
  {
    name: "USR1 reopens the logs at any time",
    play(begin) {
      const world = begin();
      world.next({ drainMs: 5_000 });
      world.at(50, "reopen");
      world.at(5_000, "reopen");
      world.at(6_000, "term");
      world.at(7_000, "reopen");
      world.run(30_000);
      assert.equal(world.lines(/reopenLogs/).length, 3);
    },
  },
];
