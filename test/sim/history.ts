// A random history: a policy, faulty processes, and commands in any order, all from one seed. Then the faults cease,
// and everything must come right; then a stop, which must end.

import type { Policy } from "../../src/arbiter/events.ts";
import { type Core, core as realCore } from "./core.ts";
import { createInvariants } from "./invariants.ts";
import { type Habits, healthy } from "./process.ts";
import { type Random, randomFrom } from "./random.ts";
import { Violation } from "./trace.ts";
import { createWorld, type Deed, type Load, type World } from "./world.ts";

const NEVER = Number.POSITIVE_INFINITY;
/** From the last fault to the time by which all must be well: the longest back-off, boot, and drain, several times. */
const RECOVERY = 300_000;

export interface Broken {
  readonly seed: number;
  readonly why: string;
  readonly world: World;
}

export interface HistoryOptions {
  readonly core?: Core;
  /** Told of the world when all is over. */
  readonly keep?: (world: World) => void;
}

/** Null where all promises were kept. */
export function runHistory(seed: number, options: HistoryOptions = {}): Broken | null {
  const core = options.core ?? realCore;
  const random = randomFrom(seed);
  const trouble = random.chance(0.15) ? 0 : random.next() * random.next();
  const policy = randomPolicy(random);
  const ends = random.between(2_000, 40_000);
  let faulty = true;
  // A first start that fails ends the server, and the history with it: most begin well.
  const beginsWell = random.chance(0.8);
  const curses = createCurses(random, trouble);
  const world = createWorld({
    core: random.chance(0.1) ? frozen(core) : core,
    policy,
    seed,
    habits(generation) {
      const curse = curses.of(generation, faulty && !(generation === 1 && beginsWell));
      if (curse !== null) return { ...healthy, ...curse };
      const openMs = random.oneOf([0, 0, random.between(0, 300)]);
      const well = { ...healthy, bootMs: random.between(0, 600), openMs };
      if (!faulty) return well;
      const habits = randomHabits(random, trouble);
      const starting = world.state().phase.name === "starting";
      return starting && beginsWell
        ? { ...habits, spawnFails: false, bootMs: well.bootMs, bootExit: null }
        : habits;
    },
    load: (current) => randomLoad(random, current, faulty),
    upgrade: () => ({
      ms: random.between(0, 500),
      answer: random.chance(0.3)
        ? { reason: "EACCES" }
        : { livesMs: random.oneOf([NEVER, random.between(0, 10_000)]) },
    }),
    ...(random.chance(0.1) ? { elder: 8_999 } : {}),
    latency: () => random.between(0, 3),
    timerLate: () => random.between(0, 4),
    timerFirst: random.chance(0.5),
    watch: createInvariants(),
  });
  planDeeds(random, world, ends);
  try {
    world.run(ends);
    faulty = false;
    if (world.exitStatus() === null) recover(world, curses.any());
    if (world.exitStatus() === null) stopAtLast(random, world);
  } catch (error) {
    const why =
      error instanceof Violation ? error.message : error instanceof Error ? (error.stack ?? "") : "";
    return { seed, why, world };
  }
  options.keep?.(world);
  return null;
}

/** The trace's end, and the words to run it again. */
export function report({ seed, why, world }: Broken): string {
  const trace = world.lines().slice(-60).join("\n  ");
  return `seed ${seed} at ${world.now()}: ${why}\n  ${trace}\nTo repeat: TGUNICORN_SIM_SEED=${seed} TGUNICORN_SIM_RUNS=1 npm run sim`;
}

interface Curses {
  of(generation: number, faulty: boolean): Partial<Habits> | null;
  any(): boolean;
}

/** A generation whose every worker has the same flaw, as a bad release has: only another reload mends it. */
function createCurses(random: Random, trouble: number): Curses {
  const curses = new Map<number, Partial<Habits> | null>();
  const flaws = (): Partial<Habits> => ({
    bootMs: random.between(0, 900),
    ignoresAbrt: random.chance(0.5),
    ...random.oneOf<Partial<Habits>>([
      { bootExit: { status: 4, reason: "there is no such module" } },
      { bootExit: { code: 1 } },
      { bootMs: NEVER, quitMs: NEVER },
      { dieAt: random.between(0, 6_000) },
      { freezeAt: random.between(0, 2_000) },
      { retireAt: random.between(0, 1_000) },
      { leaveAt: random.between(0, 1_000) },
      { growAt: random.between(0, 2_000) },
    ]),
  });
  return {
    of(generation, faulty) {
      const known = curses.get(generation);
      if (known !== undefined) return known;
      const curse = faulty && random.chance(0.4 * trouble) ? flaws() : null;
      curses.set(generation, curse);
      return curse;
    },
    any: () => [...curses.values()].some((curse) => curse !== null),
  };
}

/** `mend`: a last reload brings a release without flaws. */
function recover(world: World, mend: boolean): void {
  const from = Math.max(world.now(), world.stoppedUntil());
  const well = (): boolean => {
    const { phase, rollout, reloadWanted, target, workers } = world.state();
    if (phase.name === "stopping") return false;
    if (phase.name !== "running" || rollout !== null || reloadWanted) return false;
    return (
      workers.length === target &&
      workers.every((one) => one.phase.name === "serving" && one.retiring === null)
    );
  };
  if (mend) world.at(from, "reload");
  if (mend) world.run(from);
  world.run(from + RECOVERY, well);
  if (world.exitStatus() !== null || well()) return;
  throw new Violation(`faults ceased at ${from}, yet all is not well: ${JSON.stringify(world.state())}`);
}

function stopAtLast(random: Random, world: World): void {
  const quick = random.chance(0.4);
  const from = Math.max(world.now(), world.stoppedUntil());
  world.at(from + random.between(0, 500), quick ? "int" : "term");
  if (random.chance(0.2))
    world.at(from + random.between(0, 1_000), random.oneOf<Deed>(["int", "term", "reload", "more"]));
  world.run(from + 400_000);
  if (world.exitStatus() !== 0)
    throw new Violation(`told to stop, yet its exit status is ${world.exitStatus()}`);
}

function randomPolicy(random: Random): Policy {
  return {
    workers: random.oneOf([0, 1, 1, 2, 2, 3, 4, 4, 6]),
    bootTimeout: random.oneOf([1_000, 5_000, 10_000, 30_000]),
    timeout: random.oneOf([0, 3_000, 5_000, 30_000]),
    gracefulTimeout: random.oneOf([0, 300, 1_000, 5_000, 30_000]),
    reloadMode: random.chance(0.6) ? "rolling" : "all",
    maxSurge: random.oneOf([1, 1, 1, 2, 4]),
    drainDelay: random.oneOf([0, 0, 500, 5_000]),
    preload: random.chance(0.2),
    awaitChange: false,
    maxMemoryHard: random.oneOf([0, 2_000]),
  };
}

/** `trouble` in 0..1 is how often things go wrong. */
function randomHabits(random: Random, trouble: number): Habits {
  const often = (share: number): boolean => random.chance(share * trouble);
  const rarely = (share: number, low: number, high: number): number =>
    often(share) ? random.between(low, high) : NEVER;
  return {
    spawnFails: often(0.1),
    bootMs: often(0.2) ? NEVER : random.oneOf([0, 10, 300, 1_000, 1_001, random.between(0, 6_000)]),
    bootExit: often(0.4)
      ? random.oneOf([
          { code: 0 },
          { code: 1 },
          { code: 4 },
          { signal: "SIGKILL" },
          { status: 3, reason: "it throws" },
          { status: 4, reason: "there is no such module" },
        ] as const)
      : null,
    openMs: random.oneOf([0, 1, random.between(0, 1_500)]),
    beatEvery: random.between(500, 1_000),
    drainMs: often(0.4) ? NEVER : random.oneOf([0, 20, 200, random.between(0, 8_000)]),
    quitMs: often(0.4) ? NEVER : random.between(0, 300),
    ignoresAbrt: random.chance(0.5),
    killMs: random.between(0, 20),
    freezeAt: rarely(0.5, 0, 15_000),
    freezeMs: random.chance(0.5) ? NEVER : random.between(100, 20_000),
    retireAt: rarely(0.8, 0, 10_000),
    leaveAt: rarely(0.4, 0, 10_000),
    growAt: rarely(0.3, 0, 15_000),
    dieAt: often(0.3) ? random.between(0, 2_000) : rarely(0.5, 0, 20_000),
  };
}

function randomLoad(random: Random, current: Policy, faulty: boolean): Load {
  const ms = random.oneOf([0, 5, 50, random.between(0, 3_000)]);
  if (faulty && random.chance(0.2))
    return { ms, answer: { reason: "gunicorn.conf.ts: workers: expected a whole number" } };
  if (random.chance(0.6)) return { ms, answer: { policy: current } };
  return {
    ms,
    answer: {
      policy: { ...randomPolicy(random), ...(random.chance(0.5) ? { workers: current.workers } : {}) },
    },
  };
}

function planDeeds(random: Random, world: World, ends: number): void {
  const usual: readonly Deed[] = [
    "reload",
    "reload",
    "reload",
    "more",
    "fewer",
    "scaleTo1",
    "scaleTo5",
    "pause",
    "reopen",
    "upgrade",
    "promoted",
  ];
  for (let count = random.between(0, 10); count > 0; count--) {
    const at = random.between(0, ends);
    const deed = random.oneOf(usual);
    world.at(at, deed);
    // Signals come in bursts, too.
    for (let more = random.chance(0.2) ? random.between(1, 3) : 0; more > 0; more--) {
      world.at(at + random.oneOf([0, 0, 1, 100]), random.chance(0.5) ? deed : random.oneOf(usual));
    }
  }
  let at = 0;
  for (let count = random.chance(0.4) ? random.between(1, 3) : 0; count > 0; count--) {
    at += random.between(5_000, 15_000);
    if (at > ends) break;
    const suspend = random.chance(0.5) ? "machine" : "arbiter";
    const long = suspend === "machine" ? 3_600_000 : 60_000;
    world.at(at, { suspend, ms: random.oneOf([50, 900, 1_500, random.between(100, 5_000), long]) });
  }
  if (random.chance(0.3)) {
    const stopAt = random.between(0, ends);
    world.at(stopAt, random.oneOf<Deed>(["term", "int"]));
    for (let more = random.between(0, 2); more > 0; more--) {
      world.at(stopAt + random.between(0, 3_000), random.oneOf<Deed>(["term", "int", "reload"]));
    }
  }
}

/** The same core, whose states can't be changed from outside `step`. */
function frozen(core: Core): Core {
  return {
    initialState: core.initialState,
    step(state, event, now) {
      for (const worker of state.workers) Object.freeze(worker);
      Object.freeze(state.workers);
      return core.step(Object.freeze(state), event, now);
    },
  };
}
