import assert from "node:assert/strict";
import { healthy } from "../../sim/process.ts";
import { deeds, type Scenario, serving, usual } from "../scenario.ts";

const NEVER = Number.POSITIVE_INFINITY;
const broken = { bootMs: 500, bootExit: { status: 4, reason: "SyntaxError in demo.ts" } } as const;

export const reload: readonly Scenario[] = [
  {
    name: "HUP replaces workers one by one, each new one ready before an old one drains",
    play(begin) {
      const world = begin();
      world.at(10_000, "reload");
      world.run(20_000);
      assert.deepEqual(deeds(world, 200), [
        "10000 loadConfig",
        "10000 hook onReload",
        "10000 spawn 3 slot=1 gen=2",
        "10100 adopt 2",
        "10100 drain 1 keep",
        "10100 spawn 4 slot=2 gen=2",
        "10200 drain 2 keep",
        "10200 releaseOld 2",
      ]);
      assert.equal(world.lines(/info: Reload complete: generation 2 serves with 2 worker/).length, 1);
      assert.equal(world.state().rollout, null);
    },
  },
  {
    name: "maxSurge 2 replaces two at a time",
    play(begin) {
      const world = begin({ workers: 4, maxSurge: 2 });
      world.at(10_000, "reload");
      world.run(20_000);
      assert.deepEqual(world.lines(/spawn [5-8]/), [
        "10000 spawn 5 slot=1 gen=2",
        "10000 spawn 6 slot=2 gen=2",
        "10100 spawn 7 slot=3 gen=2",
        "10100 spawn 8 slot=4 gen=2",
      ]);
    },
  },
  {
    name: "reloadMode all: the whole new generation is ready before any old worker drains",
    play(begin) {
      const world = begin({ workers: 2, reloadMode: "all" });
      world.at(10_000, "reload");
      world.at(9_000, () => world.next({ bootMs: 100 }, { bootMs: 4_000 }));
      world.run(20_000);
      assert.deepEqual(deeds(world, 10_000), [
        "10000 loadConfig",
        "10000 hook onReload",
        "10000 spawn 3 slot=1 gen=2",
        "10000 spawn 4 slot=2 gen=2",
        "14000 adopt 2",
        "14000 drain 1 keep",
        "14000 drain 2 keep",
        "14000 releaseOld 2",
      ]);
    },
  },
  {
    name: "HUP with an application that does not load leaves the same workers, rolling or all",
    play(begin) {
      for (const reloadMode of ["rolling", "all"] as const) {
        const world = begin({ workers: 3, reloadMode });
        world.at(9_000, () => world.next(broken));
        world.at(10_000, "reload");
        world.run(30_000);
        assert.deepEqual(serving(world), [1, 2, 3]);
        assert.deepEqual(world.lines(/ drain [123] |adopt/), []);
        assert.deepEqual(world.lines(/abandon/), ["10500 abandon 2"]);
        assert.match(
          world.lines(/error: Reload aborted/)[0] ?? "",
          /generation 1 serves on: SyntaxError in demo/,
        );
        assert.equal(world.state().rollout, null);
        assert.equal(world.state().workers.length, 3);
      }
    },
  },
  {
    name: "HUP with an application that hangs while loading is abandoned at its boot timeout",
    play(begin) {
      const world = begin({ workers: 2, bootTimeout: 5_000 });
      world.at(9_000, () => world.next({ bootMs: NEVER }));
      world.at(10_000, "reload");
      world.run(30_000);
      assert.deepEqual(deeds(world, 10_100), ["15000 kill 3 SIGKILL", "15001 abandon 2"]);
      assert.deepEqual(serving(world), [1, 2]);
    },
  },
  {
    name: "HUP whose boot timed out does not take a late ready as proof",
    play(begin) {
      const world = begin({ workers: 1, bootTimeout: 1_000 }, { timerFirst: true });
      world.at(9_000, () => world.next({ bootMs: 1_000, killMs: 20 }));
      world.at(10_000, "reload");
      world.run(30_000);
      assert.deepEqual(serving(world), [1]);
      assert.deepEqual(world.lines(/adopt| drain /), []);
    },
  },
  {
    name: "HUP with a configuration that is wrong spawns nothing",
    play(begin) {
      const world = begin();
      world.nextLoad({ ms: 300, answer: { reason: "gunicorn.conf.ts: workers: expected a whole number" } });
      world.at(10_000, "reload");
      world.run(30_000);
      assert.deepEqual(deeds(world, 200), ["10000 loadConfig"]);
      assert.match(
        world.lines(/error:/)[0] ?? "",
        /10300 error: Reload aborted, generation 1 serves on: gunicorn/,
      );
      assert.equal(world.state().rollout, null);
    },
  },
  {
    name: "a broken reload that changes the number of workers changes nothing",
    play(begin) {
      for (const workers of [1, 6]) {
        const world = begin({ workers: 4 });
        world.at(9_000, () => world.next(broken));
        world.nextLoad({ ms: 0, answer: { policy: { ...usual, workers } } });
        world.at(10_000, "reload");
        world.run(30_000);
        assert.deepEqual(serving(world), [1, 2, 3, 4]);
        assert.deepEqual(world.lines(/resized/), ["0 resized 4 was nothing"]);
      }
    },
  },
  {
    name: "a reload that changes the number of workers does so when it has proved itself",
    play(begin) {
      const world = begin({ workers: 4 });
      world.nextLoad({ ms: 0, answer: { policy: { ...usual, workers: 2 } } });
      world.at(10_000, "reload");
      world.run(30_000);
      assert.deepEqual(deeds(world, 10_100).slice(0, 5), [
        "10100 resized 2 was 4",
        "10100 adopt 2",
        "10100 drain 1 keep",
        "10100 drain 2 keep",
        "10100 drain 3 keep",
      ]);
      assert.equal(serving(world).length, 2);
    },
  },
  {
    name: "HUPs during a reload make one more",
    play(begin) {
      const world = begin();
      world.nextLoad({ ms: 500, answer: { policy: usual } });
      for (const at of [10_000, 10_100, 10_510, 10_650]) world.at(at, "reload");
      world.run(30_000);
      assert.equal(world.lines(/loadConfig/).length, 2);
      assert.equal(world.state().generation, 3);
      assert.deepEqual(
        world.state().workers.map((worker) => worker.generation),
        [3, 3],
      );
    },
  },
  {
    name: "a reload that fails is followed by the one that was wanted meanwhile",
    play(begin) {
      const world = begin();
      world.at(9_000, () => world.next({ ...broken, bootMs: 2_000 }));
      world.at(10_000, "reload");
      world.at(11_000, "reload");
      world.run(30_000);
      assert.equal(world.state().generation, 3);
      assert.equal(serving(world).length, 2);
    },
  },
  {
    name: "a failed boot half way is tried again, and the reload gets to its end",
    play(begin) {
      const world = begin({ workers: 3 });
      world.at(9_000, () => world.next({}, broken));
      world.at(10_000, "reload");
      world.run(30_000);
      assert.equal(world.lines(/Worker failed to boot: SyntaxError/).length, 1);
      assert.deepEqual(world.lines(/half way/), []);
      assert.deepEqual(
        world.state().workers.map((worker) => worker.generation),
        [2, 2, 2],
      );
    },
  },
  {
    name: "three failed boots half way leave the old workers that still serve",
    play(begin) {
      const world = begin({ workers: 3 });
      world.at(9_000, () => world.next({}, broken, broken, broken));
      world.at(10_000, "reload");
      world.run(30_000);
      assert.deepEqual(serving(world), [2, 3, 4]);
      assert.match(
        world.lines(/half way/)[0] ?? "",
        /2 worker\(s\) of the old generation serve on: 3 new workers were lost, the last was .* did not boot: SyntaxError/,
      );
      assert.equal(world.state().generation, 2);
      assert.deepEqual(world.lines(/releaseOld/), []);
      // The next configuration may want again what only the old ones have.
      world.nextLoad({ ms: 1_000, answer: { policy: usual } });
      world.at(40_000, "reload");
      world.at(40_500, "scaleTo1");
      world.run(60_000);
      assert.match(world.lines(/releaseOld/)[0] ?? "", /^41000 releaseOld 2$/);
    },
  },
  {
    name: "a generation that crashes once it is ready does not eat up the old one, and can be replaced",
    play(begin) {
      const habits = (generation: number) => ({ ...healthy, dieAt: generation === 2 ? 300 : NEVER });
      const world = begin({ workers: 8 }, { habits });
      world.at(10_000, "reload");
      world.at(60_000, "reload");
      world.run(30_000);
      assert.equal(world.state().rollout, null);
      assert.ok(world.state().workers.filter((worker) => worker.generation === 1).length >= 4);
      assert.match(world.lines(/half way/)[0] ?? "", /3 new workers were lost/);
      world.run(90_000);
      assert.equal(world.state().generation, 3);
      assert.equal(serving(world).length, 8);
    },
  },
  {
    name: "reloadMode all gives up a generation that never serves as a whole",
    play(begin) {
      const habits = (generation: number) => ({ ...healthy, dieAt: generation === 2 ? 50 : NEVER });
      const world = begin({ workers: 3, reloadMode: "all" }, { habits });
      world.at(9_000, () =>
        world.next({ bootMs: 100, dieAt: 50 }, { bootMs: 300, dieAt: 50 }, { bootMs: 500, dieAt: 50 }),
      );
      world.at(10_000, "reload");
      world.run(30_000);
      assert.deepEqual(serving(world), [1, 2, 3]);
      assert.equal(world.lines(/abandon 2/).length, 1);
    },
  },
  {
    name: "recycling faster than a worker boots does not hold up the next reload",
    play(begin) {
      const world = begin({ workers: 4 }, { habits: () => ({ ...healthy, bootMs: 1_000, retireAt: 500 }) });
      world.at(10_000, "reload");
      world.at(60_000, "reload");
      world.run(120_000);
      assert.equal(world.state().generation, 3);
    },
  },
  {
    name: "an old worker is judged by the timeout it knows",
    play(begin) {
      const world = begin(
        { workers: 2, timeout: 0 },
        { habits: () => ({ ...healthy, bootMs: 5_000, beatEvery: 20_000 }) },
      );
      world.nextLoad({ ms: 0, answer: { policy: { ...usual, timeout: 1_000 } } });
      world.at(9_000, () => world.next({ bootMs: 100, beatEvery: 500 }, { bootMs: 9_000, beatEvery: 500 }));
      world.at(50_000, "reload");
      world.run(70_000);
      assert.deepEqual(world.lines(/ kill /), []);
    },
  },
  {
    name: "a drain that takes too long ends with KILL",
    play(begin) {
      const world = begin({ workers: 1, gracefulTimeout: 4_000 });
      world.next({ drainMs: NEVER });
      world.at(10_000, "reload");
      world.run(30_000);
      assert.deepEqual(world.lines(/ drain | kill |releaseOld/), [
        "10100 drain 1 keep",
        "10100 releaseOld 2",
        "14100 kill 1 SIGKILL, explained",
      ]);
    },
  },
  {
    name: "an answer that a stop overtook is dropped",
    play(begin) {
      const world = begin();
      world.next({ drainMs: 3_000 });
      world.nextLoad({ ms: 1_000, answer: { policy: { ...usual, workers: 9 } } });
      world.at(10_000, "reload");
      world.at(10_500, "term");
      world.run(60_000);
      assert.deepEqual(world.lines(/spawn [^12]|abandon/), ["11000 abandon 2"]);
      assert.equal(world.exitStatus(), 0);
    },
  },
];
