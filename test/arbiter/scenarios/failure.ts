import assert from "node:assert/strict";
import { healthy } from "../../sim/process.ts";
import { deeds, type Scenario, serving } from "../scenario.ts";

const NEVER = Number.POSITIVE_INFINITY;
/** The times in lines of the trace. */
const times = (lines: readonly string[]): number[] => lines.map((line) => Number.parseFloat(line));

export const failure: readonly Scenario[] = [
  {
    name: "a worker over maxMemoryHard is killed at the beat that tells of it, and replaced",
    play(begin) {
      const world = begin({ workers: 2, maxMemoryHard: 2_000 });
      world.next({ growAt: 10_000 });
      world.run(20_000);
      assert.deepEqual(world.lines(/kill 1 SIGKILL/).length, 1);
      assert.equal(
        world.lines(/error: Killing worker=1 gen=1 pid=1001: it uses 0\.0 MB of memory/).length,
        1,
      );
      assert.deepEqual(serving(world), [2, 3]);
    },
  },
  {
    name: "without maxMemoryHard nobody is killed for memory; draining is no shelter from it",
    play(begin) {
      const free = begin({ workers: 1 });
      free.next({ growAt: 0 });
      free.run(20_000);
      assert.deepEqual(free.lines(/ kill /), []);
      const world = begin({ workers: 1, maxMemoryHard: 2_000 });
      world.next({ growAt: 5_000, drainMs: NEVER });
      world.at(1_000, "reload");
      world.run(20_000);
      assert.equal(world.lines(/kill 1 SIGKILL/).length, 1);
      assert.deepEqual(serving(world), [2]);
    },
  },
  {
    name: "a worker that dies after a healthy life is replaced at once, in its place",
    play(begin) {
      const world = begin({ workers: 3 });
      world.next({}, { dieAt: 10_000 });
      world.run(20_000);
      assert.deepEqual(world.lines(/spawn [^123]/), ["10100 spawn 4 slot=2 gen=1"]);
      assert.deepEqual(serving(world), [1, 3, 4]);
      assert.equal(world.lines(/error: Worker died: worker=2 gen=1 pid=1002 was ended by SIGSEGV/).length, 1);
    },
  },
  {
    name: "a worker that dies young is replaced after a moment",
    play(begin) {
      const world = begin({ workers: 1 });
      world.next({ dieAt: 1_000 });
      world.run(20_000);
      const [again = 0] = times(world.lines(/spawn 2/));
      assert.ok(again >= 1_175 && again <= 1_225, `spawned again at ${again}`);
    },
  },
  {
    name: "a crash loop backs off exponentially up to half a minute",
    play(begin) {
      let good = true;
      const world = begin(
        { workers: 1 },
        {
          habits: () =>
            good ? { ...healthy, dieAt: 10_000 } : { ...healthy, bootMs: 0, bootExit: { code: 1 } },
        },
      );
      world.run(5_000);
      good = false;
      world.run(600_000);
      // The healthy life, its replacement at once, then the tries.
      const at = times(world.lines(/ spawn /)).slice(1);
      const gaps = at.slice(1).map((time, index) => time - (at[index] ?? 0));
      for (const [index, gap] of gaps.entries()) {
        const wait = Math.min(30_000, 100 * 2 ** index);
        assert.ok(gap >= wait * 0.75 && gap <= wait * 1.25 + 1, `wait ${index} is ${gap}`);
      }
      assert.ok(gaps.length > 20 && gaps.length < 40, `${gaps.length} tries in ten minutes`);
      assert.ok(new Set(gaps.slice(10)).size > 5, "with jitter");
    },
  },
  {
    name: "while workers fail, one is tried at a time",
    play(begin) {
      let good = true;
      const bad = { ...healthy, bootMs: 700, bootExit: { code: 1 } };
      const world = begin({ workers: 4 }, { habits: () => (good ? { ...healthy, dieAt: 20_000 } : bad) });
      world.run(10_000);
      good = false;
      world.run(60_000);
      const [first = 0] = times(world.lines(/Worker failed to boot/));
      const tries = times(world.lines(/ spawn /)).filter((at) => at > first);
      assert.ok(tries.length > 3);
      for (const [index, at] of tries.slice(1).entries()) {
        assert.ok(at - (tries[index] ?? 0) >= 700, `two tries at a time at ${at}`);
      }
    },
  },
  {
    name: "a fleet that fails as one waits as for one failure",
    play(begin) {
      const world = begin({ workers: 32 }, { habits: () => ({ ...healthy, dieAt: 4_000 }) });
      world.run(4_500);
      const [again = 0] = times(world.lines(/spawn 33 /));
      assert.ok(again > 4_150 && again < 4_250, `spawned again at ${again}`);
    },
  },
  {
    name: "a calm life forgets earlier failures",
    play(begin) {
      const world = begin({ workers: 1 });
      world.next({ dieAt: 100 }, { dieAt: 100 }, { dieAt: 100 }, { dieAt: 20_000 }, { dieAt: 100 });
      world.run(60_000);
      const failuresLater = times(world.lines(/ spawn /)).slice(4);
      const [fifth = 0, sixth = 0] = failuresLater;
      assert.ok(sixth - fifth < 350, `after calm the first wait is short again, not ${sixth - fifth}`);
    },
  },
  {
    name: "a missed heartbeat: ABRT, a second for last words, then KILL, and a replacement at once",
    play(begin) {
      const world = begin({ workers: 2, timeout: 5_000 });
      world.next({ freezeAt: 3_500, ignoresAbrt: true });
      world.run(30_000);
      assert.deepEqual(deeds(world, 200), [
        "8100 kill 1 SIGABRT",
        "8100 spawn 3 slot=1 gen=1",
        "9100 kill 1 SIGKILL",
      ]);
      assert.equal(world.lines(/critical: WORKER TIMEOUT \(worker=1 gen=1 pid=1001\)/).length, 1);
      assert.deepEqual(serving(world), [2, 3]);
    },
  },
  {
    name: "a stuck worker that heeds ABRT is not killed as well",
    play(begin) {
      const world = begin({ workers: 1, timeout: 5_000 });
      world.next({ freezeAt: 3_500 });
      world.run(30_000);
      assert.deepEqual(world.lines(/ kill /), ["8100 kill 1 SIGABRT"]);
    },
  },
  {
    name: "a timeout of 0 watches nothing",
    play(begin) {
      const world = begin({ timeout: 0 });
      world.next({ freezeAt: 1_000 });
      world.run(600_000);
      assert.deepEqual(world.lines(/ kill /), []);
    },
  },
  {
    name: "a worker that beats is left alone",
    play(begin) {
      const world = begin({ timeout: 2_000 });
      world.run(600_000);
      assert.deepEqual(world.lines(/ kill |drain|spawn [^12]/), []);
    },
  },
  {
    name: "a worker that leaves by itself drains, and is replaced",
    play(begin) {
      const world = begin({ gracefulTimeout: 3_000 });
      world.next({ leaveAt: 8_000, drainMs: NEVER });
      world.run(20_000);
      assert.deepEqual(deeds(world, 200), ["8100 spawn 3 slot=1 gen=1", "11100 kill 1 SIGKILL, explained"]);
    },
  },
  {
    name: "a worker that asks for its replacement serves until that is ready",
    play(begin) {
      const world = begin();
      world.next({ retireAt: 5_000 }, {}, { bootMs: 2_000 });
      world.run(20_000);
      assert.deepEqual(deeds(world, 200), ["5100 spawn 3 slot=1 gen=1", "7100 drain 1 keep"]);
      assert.deepEqual(serving(world), [2, 3]);
    },
  },
  {
    name: "workers that ask all at once are replaced one by one",
    play(begin) {
      const world = begin({ workers: 3 });
      world.next({ retireAt: 5_000 }, { retireAt: 5_000 }, { retireAt: 5_000 });
      world.run(20_000);
      assert.deepEqual(deeds(world, 200), [
        "5100 spawn 4 slot=1 gen=1",
        "5200 drain 1 keep",
        "5250 spawn 5 slot=2 gen=1",
        "5350 drain 2 keep",
        "5400 spawn 6 slot=3 gen=1",
        "5500 drain 3 keep",
      ]);
    },
  },
  {
    name: "messages of the dead and of strangers change nothing",
    play(begin) {
      const world = begin({ workers: 1 });
      world.next({ dieAt: 6_000 });
      world.run(10_000);
      const before = deeds(world);
      for (const id of [1, 99]) {
        for (const type of ["ready", "beat"] as const) world.send({ type, id });
        world.send({ type: "exited", id, code: 0, signal: null });
        world.send({ type: "spawned", id, pid: 5 });
        world.send({ type: "bootFailed", id, status: 4, reason: "late" });
        world.send({ type: "retire", id, reason: "late" });
        world.send({ type: "leaving", id, ending: "left", reason: "late" });
      }
      assert.deepEqual(deeds(world), before);
      assert.deepEqual(serving(world), [2]);
    },
  },
];
