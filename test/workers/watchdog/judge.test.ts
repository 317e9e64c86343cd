import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  judge,
  type Limits,
  reported,
  type Sight,
  startWatch,
  type Verdict,
} from "../../../src/workers/watchdog/judge.ts";

const LIMITS: Limits = {
  timeout: 30_000,
  slow: 0,
  grace: 10_000,
  bootBy: Number.POSITIVE_INFINITY,
  interval: 1_000,
  bootInterval: 100,
};

interface Told {
  readonly at: number;
  readonly verdict: Verdict;
}

/** Looks whenever the watchdog would, until `end`; returns the looks that led to anything. */
function watch(end: number, sight: (now: number) => Partial<Sight>, limits: Partial<Limits> = {}): Told[] {
  const all = { ...LIMITS, ...limits };
  const told: Told[] = [];
  let state = startWatch(0);
  for (let now = 0; now <= end; now = state.lookAt) {
    const beatAt = sight(now).beatAt ?? now;
    const seen = { now, beatAt, ranAt: beatAt, booting: false, orphaned: false, ...sight(now) };
    const verdict = judge(state, seen, all);
    assert.ok(verdict.watch.lookAt > now, "time moves");
    state = verdict.watch;
    if (verdict.tell !== null || verdict.kill) told.push({ at: now, verdict });
    if (verdict.kill) break;
  }
  return told;
}

describe("the watchdog", () => {
  it("has nothing to say of a loop that beats", () => {
    assert.deepEqual(
      watch(600_000, (now) => ({ beatAt: now - (now % 1_000) })),
      [],
    );
  });

  it("tells of a stuck loop once, when its time is over, and leaves the kill to the arbiter", () => {
    const told = watch(120_000, (now) => ({ beatAt: Math.min(now, 5_000) }));
    assert.equal(told.length, 1);
    assert.equal(told[0]?.verdict.tell, "stuck");
    assert.equal(told[0]?.verdict.kill, false);
    assert.ok(Math.abs((told[0]?.at ?? 0) - 35_000) <= 20, `at ${told[0]?.at}`);
  });

  it("has the stack taken once before that, and again where the loop ran in between", () => {
    const prepared = (beats: (now: number) => number, timeout: number): number[] => {
      const at: number[] = [];
      let state = startWatch(0);
      for (let now = 0; now <= 70_000; now = state.lookAt) {
        const sight = { now, beatAt: beats(now), ranAt: beats(now), booting: false, orphaned: false };
        const verdict = judge(state, sight, { ...LIMITS, timeout });
        state = verdict.watch;
        if (verdict.prepare) at.push(now);
      }
      return at;
    };
    const [only, ...others] = prepared((now) => Math.min(now, 5_000), 30_000);
    assert.ok(Math.abs((only ?? 0) - 34_250) <= 20, `at ${only}`);
    assert.deepEqual(others, []);
    assert.equal(prepared((now) => (now < 29_500 ? 0 : 29_500), 30_000).length, 2);
    const [brief] = prepared(() => 0, 900);
    assert.ok(Math.abs((brief ?? 0) - 600) <= 20, `at ${brief}`);
    assert.deepEqual(
      prepared(() => 0, 0),
      [],
    );
  });

  it("tells again when the loop is stuck again", () => {
    const told = watch(120_000, (now) => ({ beatAt: now < 40_000 ? 0 : Math.min(now, 41_000) }));
    assert.deepEqual(
      told.map(({ verdict }) => verdict.tell),
      ["stuck", "stuck"],
    );
  });

  it("tells of a stuck loop in time also where it tells of one slow request after another before", () => {
    // They begin one by one, until the loop is blocked.
    let begun = [9_000, 9_400, 9_800];
    let told = 0;
    let state = startWatch(0);
    for (let now = 0; now <= 60_000; now = Math.max(state.lookAt, now)) {
      const beatAt = Math.min(now, 10_000);
      const sight: Sight = { now, beatAt, ranAt: beatAt, booting: false, orphaned: false };
      const { watch, tell, slowBefore } = judge(state, sight, { ...LIMITS, slow: 1_000, interval: 100 });
      state = watch;
      if (tell === "stuck") {
        assert.deepEqual([told, now], [3, 40_000]);
        return;
      }
      const slow = begun.filter((at) => slowBefore !== null && at <= slowBefore);
      if (slow.length === 0) continue;
      told += slow.length;
      begun = begun.filter((at) => !slow.includes(at));
      now += 850;
      state = reported(state, sight.now, now);
    }
    assert.fail("it was not told");
  });

  it("is silent where timeout is 0", () => {
    assert.deepEqual(
      watch(600_000, () => ({ beatAt: 0 }), { timeout: 0 }),
      [],
    );
  });

  it("does not judge time in which the process was stopped", () => {
    const before = startWatch(0);
    const stopped: Sight = { now: 100_000, beatAt: 0, ranAt: 0, booting: false, orphaned: false };
    const first = judge(before, stopped, LIMITS);
    assert.equal(first.tell, null);
    assert.ok(first.watch.lookAt <= 100_500, "and looks again soon");
    // The loop still does not beat: what was left of its time goes on.
    const { lookAt } = first.watch;
    assert.equal(judge(first.watch, { ...stopped, now: lookAt }, LIMITS).tell, null);
    const later = judge({ ...first.watch, lookAt: 130_000 }, { ...stopped, now: 130_000 }, LIMITS);
    assert.equal(later.tell, "stuck");
  });

  it("is no more than late where the machine is busy", () => {
    // It wakes 700 ms late where its time is just over. The arbiter's SIGKILL comes a second after the timeout.
    const stuck: Sight = { now: 31_700, beatAt: 29_000, ranAt: 29_000, booting: false, orphaned: false };
    const limits = { ...LIMITS, timeout: 2_000 };
    const late = judge({ ...startWatch(20_000), lookAt: 31_000 }, stuck, limits);
    assert.equal(late.tell, null);
    assert.ok(late.watch.lookAt < 32_000, `looks again at ${late.watch.lookAt}`);
    assert.equal(judge(late.watch, { ...stuck, now: late.watch.lookAt }, limits).tell, "stuck");
  });

  it("tells of a blocked boot before the arbiter kills, whatever timeout is", () => {
    const told = watch(60_000, () => ({ beatAt: 200, booting: true }), { timeout: 1_000, bootBy: 60_000 });
    assert.deepEqual(
      told.map(({ verdict }) => verdict.tell),
      ["boot"],
    );
    assert.ok(Math.abs((told[0]?.at ?? 0) - 59_250) <= 20, `at ${told[0]?.at}`);
  });

  it("leaves a boot alone that waits for something", () => {
    assert.deepEqual(
      watch(60_000, (now) => ({ beatAt: now - (now % 100), booting: true }), { bootBy: 60_000 }),
      [],
    );
  });

  it("kills a stuck worker whose arbiter has gone, within its grace", () => {
    const told = watch(60_000, (now) => ({ beatAt: Math.min(now, 3_000), orphaned: now >= 5_000 }));
    assert.deepEqual([told[0]?.verdict.tell, told[0]?.verdict.kill], ["orphan", true]);
    const at = told[0]?.at ?? 0;
    assert.ok(at >= 15_000 && at <= 16_100, `at ${at}`);
  });

  it("kills one that is stuck for its timeout even before that", () => {
    const limits = { timeout: 4_000, grace: 600_000 };
    const told = watch(60_000, (now) => ({ beatAt: Math.min(now, 3_000), orphaned: now >= 1_000 }), limits);
    assert.deepEqual([told[0]?.verdict.tell, told[0]?.verdict.kill], ["stuck", true]);
  });

  it("gives a worker whose loop runs two seconds more to end by itself", () => {
    const told = watch(60_000, (now) => ({ orphaned: now >= 5_000 }));
    assert.deepEqual([told.length, told[0]?.verdict.kill], [1, true]);
    const at = told[0]?.at ?? 0;
    assert.ok(at >= 17_000 && at <= 18_100, `at ${at}`);
  });

  it("asks for slow requests only where the loop is blocked and can't tell of them itself", () => {
    const limits = { ...LIMITS, slow: 2_000, interval: 200 };
    const look = (ranAt: number): number | null =>
      judge(
        { ...startWatch(0), lookAt: 10_000 },
        { now: 10_000, beatAt: ranAt, ranAt, booting: false, orphaned: false },
        limits,
      ).slowBefore;
    assert.equal(look(9_900), null);
    assert.equal(look(9_500), 8_000);
  });

  it("looks often enough for slow requests, and once a second where there are none to find", () => {
    const sleep = (slow: number): number =>
      judge(
        startWatch(0),
        { now: 0, beatAt: 0, ranAt: 0, booting: false, orphaned: false },
        { ...LIMITS, slow },
      ).watch.lookAt;
    assert.equal(sleep(0), 1_000);
    assert.equal(sleep(400), 100);
  });
});
