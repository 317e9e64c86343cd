import assert from "node:assert/strict";
import { healthy } from "../../sim/process.ts";
import { deeds, type Scenario, serving } from "../scenario.ts";

export const start: readonly Scenario[] = [
  {
    name: "all workers ready: whenReady once",
    play(begin) {
      const world = begin();
      world.next({ bootMs: 100 }, { bootMs: 3_000 });
      world.run(20_000);
      assert.deepEqual(deeds(world), [
        "0 resized 2 was nothing",
        "0 spawn 1 slot=1 gen=1",
        "0 spawn 2 slot=2 gen=1",
        "3000 hook whenReady",
      ]);
      assert.deepEqual(serving(world), [1, 2]);
    },
  },
  {
    name: "an application that does not load: one message, quick stop, exit 4",
    play(begin) {
      const world = begin({ workers: 4 });
      const broken = { bootMs: 200, bootExit: { status: 4, reason: "no module named demo" } } as const;
      world.next(broken, broken, broken, { bootMs: 5_000 });
      world.run(20_000);
      assert.equal(world.exitStatus(), 4);
      assert.equal(world.lines(/error:/).length, 1);
      assert.match(world.lines(/error:/)[0] ?? "", /no module named demo/);
      assert.equal(world.lines(/Reason: App failed to load\./).length, 1);
      assert.equal(world.lines(/ spawn /).length, 4);
      assert.ok(world.now() < 2_500, "the stop is quick");
    },
  },
  {
    name: "a worker that exits while booting: exit 3; with code 4: exit 4",
    play(begin) {
      for (const [code, status] of [
        [1, 3],
        [0, 3],
        [4, 4],
      ] as const) {
        const world = begin();
        world.next({ bootExit: { code } });
        world.run(20_000);
        assert.equal(world.exitStatus(), status);
      }
    },
  },
  {
    name: "a process that can't be started: exit 3",
    play(begin) {
      const world = begin();
      world.next({ spawnFails: true });
      world.run(20_000);
      assert.equal(world.exitStatus(), 3);
    },
  },
  {
    name: "a worker that hangs while booting is killed at its boot timeout: exit 3",
    play(begin) {
      const world = begin({ bootTimeout: 5_000 });
      world.next({}, { bootMs: Number.POSITIVE_INFINITY, quitMs: Number.POSITIVE_INFINITY });
      world.run(20_000);
      assert.deepEqual(world.lines(/ kill |exit \d/), ["5000 kill 2 SIGKILL", "5011 exit 3"]);
      assert.deepEqual(world.lines(/complete/), ["5011 info: Stop complete: exit status 3"]);
      assert.equal(world.lines(/error: Boot timeout: worker=2/).length, 1);
    },
  },
  {
    name: "a boot timeout of 0 watches nothing",
    play(begin) {
      const world = begin({ bootTimeout: 0 });
      world.next({ bootMs: 600_000 });
      world.run(700_000);
      assert.deepEqual(serving(world), [1, 2]);
      assert.deepEqual(world.lines(/ kill /), []);
    },
  },
  {
    name: "ready that arrives after the boot timeout's SIGKILL is too late",
    play(begin) {
      const world = begin({ bootTimeout: 1_000 }, { timerFirst: true });
      world.next({ bootMs: 1_000, killMs: 5 });
      world.run(20_000);
      assert.deepEqual(world.lines(/whenReady/), []);
      assert.equal(world.exitStatus(), 3);
    },
  },
  {
    name: "workers=0 is ready at once, says so, and TTIN adds some",
    play(begin) {
      const world = begin({ workers: 0 });
      world.at(1_000, "more");
      world.run(5_000);
      assert.deepEqual(deeds(world), [
        "0 resized 0 was nothing",
        "0 hook whenReady",
        "1000 resized 1 was 0",
        "1000 spawn 1 slot=1 gen=1",
      ]);
      assert.equal(world.lines(/warning: There are no workers/).length, 1);
      assert.deepEqual(serving(world), [1]);
    },
  },
  {
    name: "preload: the first worker boots alone, at the start and in a reload",
    play(begin) {
      const world = begin({ workers: 3, preload: true, reloadMode: "all" });
      world.at(10_000, "reload");
      world.run(20_000);
      assert.deepEqual(world.lines(/ spawn /), [
        "0 spawn 1 slot=1 gen=1",
        "100 spawn 2 slot=2 gen=1",
        "100 spawn 3 slot=3 gen=1",
        "10000 spawn 4 slot=1 gen=2",
        "10100 spawn 5 slot=2 gen=2",
        "10100 spawn 6 slot=3 gen=2",
      ]);
    },
  },
  {
    name: "HUP while starting waits for the start, and many make one reload",
    play(begin) {
      const world = begin();
      world.next({ bootMs: 2_000 });
      for (const at of [100, 200, 300]) world.at(at, "reload");
      world.run(20_000);
      assert.deepEqual(world.lines(/whenReady|loadConfig/), ["2000 hook whenReady", "2000 loadConfig"]);
      assert.equal(world.state().generation, 2);
    },
  },
  {
    name: "HUP mends a start whose workers keep dying",
    play(begin) {
      const world = begin(
        {},
        { habits: (generation) => ({ ...healthy, dieAt: generation === 1 ? 50 : 1e9 }) },
      );
      world.at(5_000, "reload");
      world.run(60_000);
      assert.equal(world.lines(/whenReady/).length, 1);
      assert.equal(world.state().generation, 2);
      assert.equal(serving(world).length, 2);
    },
  },
  {
    name: "under --reload a first start that fails waits for a change, tells each mistake once, and is mended",
    play(begin) {
      const world = begin({ workers: 3, preload: true, awaitChange: true });
      const broken = (reason: string) => ({ bootMs: 200, bootExit: { status: 4, reason } }) as const;
      world.next(broken("first mistake"), broken("second mistake"));
      world.at(60_000, "reload");
      world.at(120_000, "reload");
      world.run(200_000);
      assert.equal(world.exitStatus(), null);
      assert.deepEqual(world.lines(/ error:/), ["200 error: first mistake", "60200 error: second mistake"]);
      assert.deepEqual(
        world.lines(/ spawn /).map((line) => line.split(" ")[0]),
        ["0", "60000", "120000", "120100", "120100"],
      );
      assert.equal(world.lines(/whenReady/).length, 1);
      assert.equal(serving(world).length, 3);
    },
  },
  {
    name: "under --reload a start that waits for a change can be stopped",
    play(begin) {
      const world = begin({ workers: 2, awaitChange: true });
      const broken = { bootMs: 200, bootExit: { status: 4, reason: "a mistake" } } as const;
      world.next(broken, broken);
      world.at(60_000, "term");
      world.run(70_000);
      assert.equal(world.exitStatus(), 0);
      assert.equal(world.lines(/ error:/).length, 1);
    },
  },
];
