// The simulated world: one arbiter, a clock and a table of fake processes in one deterministic loop.
//
// Time jumps to the next thing that can happen: something a process does, something the operator does, or the
// wake-up the arbiter asked for. Nothing waits and nothing is random but what the options make so, thus a lifecycle
// of minutes runs in about a millisecond and a seed repeats it exactly.
//
//   const world = createWorld({ policy });           // defaults: every process is healthy, every reload works
//   world.next({ bootMs: 5_000 }, { dieAt: 300 });   // habits of the next processes spawned, in that order
//   world.at(3_000, "reload");                       // a command, a suspension, or a function
//   world.run(10_000);                               // up to that time
//   world.lines(/spawn|kill/)                        // ["0 spawn 1 slot=1 gen=1", "3100 kill 2 SIGKILL"]
//
// Two clocks: `world.now()` is the arbiter's monotonic clock and never stops. The machine's uptime stands still while
// the whole machine is suspended. While the arbiter alone is stopped, what others say to it queues up.
// Invariants (invariants.ts) watch every step; scenarios (test/arbiter/scenarios) read the trace.

import type { Effect, Event, Policy } from "../../src/arbiter/events.ts";
import * as realCore from "./core.ts";
import { type FakeProcess, type Habits, healthy, startProcess } from "./process.ts";
import { createTimeline } from "./timeline.ts";
import { describe, type Suspension, type TraceEntry, Violation } from "./trace.ts";

/** How a reload's configuration answers; `ms` Infinity never does. */
export interface Load {
  readonly ms: number;
  readonly answer: { readonly policy: Policy } | { readonly reason: string };
}

/** How the arbiter that USR2 starts fares: it lives for a while, or does not start. */
export interface Upgrade {
  readonly ms: number;
  readonly answer: { readonly livesMs: number } | { readonly reason: string };
}

/** `promoted`: the elder arbiter has ended. */
export type Deed = keyof typeof commands | Suspension;

export interface WorldOptions {
  readonly policy: Policy;
  readonly core?: realCore.Core;
  readonly seed?: number;
  /** The habits of a process that `next` says nothing about. */
  readonly habits?: (generation: number) => Habits;
  /** The answer to a load that `nextLoad` says nothing about. */
  readonly load?: (current: Policy) => Load;
  readonly upgrade?: () => Upgrade;
  /** The arbiter whose upgrade this one is. */
  readonly elder?: number;
  /** How long a message to the arbiter takes, in milliseconds. */
  readonly latency?: () => number;
  /** How late the arbiter's timer is, in milliseconds. */
  readonly timerLate?: () => number;
  /** Where the timer and something else are due together, and after a suspension, the timer goes first. */
  readonly timerFirst?: boolean;
  readonly watch?: Watch;
}

export interface Watch {
  stepped(world: World, event: Event, before: realCore.ArbiterState, result: realCore.Step): void;
  suspended(world: World, suspension: Suspension): void;
}

export interface World {
  readonly core: realCore.Core;
  now(): number;
  uptime(): number;
  /** Until when the arbiter is stopped; past where it is not. */
  stoppedUntil(): number;
  state(): realCore.ArbiterState;
  /** Null until the arbiter has exited. */
  exitStatus(): number | null;
  /** All that were ever spawned, by id. */
  readonly processes: ReadonlyMap<number, FakeProcess>;
  next(...habits: readonly Partial<Habits>[]): void;
  nextLoad(...loads: readonly Load[]): void;
  at(time: number, deed: Deed | (() => void)): void;
  /** Sends an event to the arbiter as if it came at this instant. */
  send(event: Event): void;
  /** Lets everything happen that is due up to `time`; returns early once the arbiter has exited or `until` holds. */
  run(time: number, until?: () => boolean): void;
  /** The trace, each line with its time; only those that match. */
  lines(only?: RegExp): string[];
}

const commands = {
  reload: { type: "reload" },
  more: { type: "more" },
  fewer: { type: "fewer" },
  scaleTo1: { type: "scale", workers: 1 },
  scaleTo5: { type: "scale", workers: 5 },
  pause: { type: "pause" },
  reopen: { type: "reopen" },
  start: { type: "start" },
  upgrade: { type: "upgrade" },
  promoted: { type: "promoted" },
  term: { type: "stop", quick: false, signal: "SIGTERM" },
  int: { type: "stop", quick: true, signal: "SIGINT" },
} as const satisfies Record<string, Event>;

/** More steps than this at one instant mean that time stands still. */
const MOST_AT_ONCE = 2_000;

export function createWorld(options: WorldOptions): World {
  const core = options.core ?? realCore.core;
  const watch = options.watch;
  const latency = options.latency ?? (() => 0);
  const timerLate = options.timerLate ?? (() => 0);
  const timerFirst = options.timerFirst ?? false;
  const processes = new Map<number, FakeProcess>();
  const nextHabits: Habits[] = [];
  const nextLoads: Load[] = [];
  const trace: TraceEntry[] = [];
  /** By uptime. */
  const machineEvents = createTimeline<() => void>();
  /** By the clock. */
  const operatorEvents = createTimeline<() => void>();
  const policies = new Map<number, Policy>([[1, options.policy]]);

  let now = 0;
  let suspendedFor = 0;
  let stopped = false;
  let stoppedUntil = 0;
  let inbox: Event[] = [];
  let state = core.initialState(options.policy, options.seed ?? 1, options.elder ?? null);
  let timer = Number.POSITIVE_INFINITY;
  let exitStatus: number | null = null;
  let stepsAtOnce = 0;
  let listening = true;

  const uptime = (): number => now - suspendedFor;
  const receive = (event: Event): void => {
    if (exitStatus !== null) return;
    if (stopped) inbox.push(event);
    else handle(event);
  };
  const machine = {
    uptime,
    later: (ms: number, act: () => void) => machineEvents.add(uptime() + ms, act),
    tell: (event: Event) => machineEvents.add(uptime() + latency(), () => receive(event)),
  };

  const handle = (event: Event): void => {
    if (++stepsAtOnce > MOST_AT_ONCE) throw new Violation(`time stands still at ${now}`);
    trace.push({ at: now, what: { told: event } });
    const before = state;
    if (event.type === "configured") policies.set(before.lastGeneration + 1, event.policy);
    const result = core.step(before, event, now);
    state = result.state;
    for (const effect of result.effects) perform(effect);
    timer = result.wakeAt === null ? Number.POSITIVE_INFINITY : result.wakeAt + timerLate();
    watch?.stepped(world, event, before, result);
  };

  const perform = (effect: Effect): void => {
    trace.push({ at: now, what: { did: effect } });
    switch (effect.type) {
      case "spawn": {
        if (processes.has(effect.id)) throw new Violation(`id ${effect.id} is used twice`);
        const habits = nextHabits.shift() ?? options.habits?.(effect.generation) ?? healthy;
        const policy = policies.get(effect.generation);
        if (policy === undefined) throw new Violation(`generation ${effect.generation} was never configured`);
        processes.set(effect.id, startProcess(effect, policy, habits, machine));
        return;
      }
      case "drain":
        return find(effect.id).drain();
      case "withdraw":
        return find(effect.id).withdraw();
      case "quit":
        return find(effect.id).quit();
      case "kill":
        return find(effect.id).signal(effect.signal);
      case "loadConfig": {
        const load = nextLoads.shift() ?? options.load?.(state.policy);
        const { ms, answer } = load ?? { ms: 0, answer: { policy: state.policy } };
        machine.later(ms, () =>
          receive(
            "policy" in answer
              ? { type: "configured", policy: answer.policy }
              : { type: "configFailed", reason: answer.reason },
          ),
        );
        return;
      }
      case "closeListeners":
        listening = false;
        return;
      case "upgrade":
        return upgrade(options.upgrade?.() ?? { ms: 0, answer: { livesMs: Number.POSITIVE_INFINITY } });
      case "exit":
        if (exitStatus !== null) throw new Violation("a second exit");
        exitStatus = effect.status;
        return;
      default:
        return;
    }
  };

  const upgrade = ({ ms, answer }: Upgrade): void => {
    const pid = 9_000 + trace.length;
    machine.later(ms, () => {
      if (!listening) return receive({ type: "upgradeFailed", reason: "the arbiter stops" });
      if ("reason" in answer) return receive({ type: "upgradeFailed", reason: answer.reason });
      receive({ type: "upgradeSpawned", pid });
      machine.later(answer.livesMs, () => receive({ type: "upgradeExited", pid, code: 0, signal: null }));
    });
  };

  const find = (id: number): FakeProcess => {
    const found = processes.get(id);
    if (found === undefined) throw new Violation(`there is no process ${id}`);
    return found;
  };

  const suspend = (deed: Suspension): void => {
    watch?.suspended(world, deed);
    if (deed.suspend === "arbiter") {
      stopped = true;
      stoppedUntil = Math.max(stoppedUntil, now + deed.ms);
      return;
    }
    now += deed.ms;
    suspendedFor += deed.ms;
  };

  const goOn = (): void => {
    stopped = false;
    if (timerFirst && timer <= now) handle({ type: "tick" });
    const waiting = inbox;
    inbox = [];
    for (const event of waiting) if (exitStatus === null) handle(event);
  };

  const moveTo = (time: number): void => {
    if (time <= now) return;
    now = time;
    stepsAtOnce = 0;
  };

  const run = (end: number, until?: () => boolean): void => {
    while (exitStatus === null) {
      if (until?.() === true) return;
      const machineAt = machineEvents.due() + suspendedFor;
      const operatorAt = operatorEvents.due();
      const timerAt = stopped ? stoppedUntil : timer;
      const at = Math.min(machineAt, operatorAt, timerAt);
      if (at > end) break;
      moveTo(at);
      if (stopped && now >= stoppedUntil) goOn();
      else if (timerFirst && timerAt <= now && !stopped) handle({ type: "tick" });
      else if (operatorAt <= now && operatorAt <= machineAt) operatorEvents.take()?.();
      else if (machineAt <= now) machineEvents.take()?.();
      else if (operatorAt <= now) operatorEvents.take()?.();
      else if (timerAt <= now && !stopped) handle({ type: "tick" });
    }
    if (exitStatus === null) moveTo(end);
  };

  const world: World = {
    core,
    now: () => now,
    uptime,
    stoppedUntil: () => stoppedUntil,
    state: () => state,
    exitStatus: () => exitStatus,
    processes,
    next: (...habits) => void nextHabits.push(...habits.map((some) => ({ ...healthy, ...some }))),
    nextLoad: (...loads) => void nextLoads.push(...loads),
    at(time, deed) {
      operatorEvents.add(time, () => {
        if (typeof deed === "function") return deed();
        if (typeof deed === "string") return receive(commands[deed]);
        trace.push({ at: now, what: { did: deed } });
        suspend(deed);
      });
    },
    send: receive,
    run,
    lines(only) {
      const all = trace.map(describe);
      return only === undefined ? all : all.filter((line) => only.test(line));
    },
  };
  world.at(0, "start");
  return world;
}
