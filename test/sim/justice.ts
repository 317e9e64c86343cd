// Deadlines, by the world's own account: nobody is killed before its time, nobody outlives it, and a stop keeps its promise.
// Uptime is what a process had; the clock is what the operator sees.

import type { Effect, Event, Policy } from "../../src/arbiter/events.ts";
import type { Account } from "./account.ts";
import type { ArbiterState, Step } from "./core.ts";
import type { FakeProcess } from "./process.ts";
import { type Suspension, Violation } from "./trace.ts";
import type { World } from "./world.ts";

const NEVER = Number.POSITIVE_INFINITY;
/** After SIGABRT, and for an unborn worker told to quit. */
const LAST_WORDS = 1_000;
const QUICK_STOP = 2_000;
/** A shorter suspension may go unnoticed: a whole sleep, and a little. */
const UNNOTICED = 1_200;
/** Messages under way and coarse timers. */
const SLACK = 50;
const UNDER_WAY = 5;

export interface Justice {
  suspended(world: World, suspension: Suspension): void;
  stepped(world: World, event: Event, before: ArbiterState, result: Step): void;
}

interface Stall {
  readonly from: number;
  readonly until: number;
  readonly uptime: number;
}

export function createJustice(account: Account): Justice {
  const stalls: Stall[] = [];
  /** When all must be gone, by the clock; and from when a kill is due to the stop, by uptime. */
  let stopAt = NEVER;
  let stopBy = NEVER;
  let stopUptime = NEVER;
  let stopKills = NEVER;
  let stopKillsUnborn = NEVER;
  /** When the arbiter was told of a sign of life, and did what it did, by the clock. */
  const since = new Map<number, { what: "boot" | "beat" | "gone"; at: number; limit: number }>();

  /** The uptime of the last sign of life the arbiter was told of. */
  const heard = new Map<number, number>();
  /** The arbiter was stopped too shortly to notice it, and may not have read yet what came meanwhile. */
  const unread = (now: number): boolean =>
    stalls.some(({ from, until }) => until - from < UNNOTICED && now >= until && now - until <= SLACK);
  /** The last beat that the arbiter could have read; one sent this very moment may be under way. */
  const lastBeat = (world: World, process: FakeProcess): number => {
    const underWay = world.uptime() - process.beatAt <= UNDER_WAY || unread(world.now());
    return underWay ? (heard.get(process.order.id) ?? NEVER) : process.beatAt;
  };
  const unnoticed = (since: number): number => {
    let sum = SLACK;
    for (const { uptime, from, until } of stalls) {
      if (uptime >= since && until - from < UNNOTICED) sum += until - from;
    }
    return sum;
  };
  const forgiven = (from: number): number => {
    let sum = SLACK;
    for (const stall of stalls) if (stall.until >= from) sum += stall.until - stall.from + UNNOTICED;
    return sum;
  };

  let quicked = false;
  let announced = 0;
  const promise = (now: number, uptime: number, quick: boolean, policy: Policy): void => {
    const { gracefulTimeout, drainDelay } = policy;
    const slow = stopAt === NEVER ? drainDelay + gracefulTimeout : NEVER; // a second TERM promises nothing new
    const at = !quick ? slow : quicked ? 0 : Math.min(QUICK_STOP, gracefulTimeout);
    if (quick) quicked = true;
    else if (stopAt === NEVER) announced = drainDelay;
    // The unborn have nothing to finish.
    const unborn = quick ? at : Math.min(at, drainDelay + QUICK_STOP);
    stopAt = Math.min(stopAt, now);
    stopBy = Math.min(stopBy, now + at);
    stopUptime = Math.min(stopUptime, uptime);
    stopKills = Math.min(stopKills, uptime + at);
    stopKillsUnborn = Math.min(stopKillsUnborn, uptime + unborn);
  };

  /** The time of a stop that was announced runs from here, by the configuration now in force. */
  const drainNow = (now: number, uptime: number, gracefulTimeout: number): void => {
    if (now > stopAt + announced + forgiven(stopAt)) throw new Violation("drains later than announced");
    stopBy = now + gracefulTimeout;
    stopKills = uptime + gracefulTimeout;
    stopKillsUnborn = uptime + Math.min(gracefulTimeout, QUICK_STOP);
  };

  const judge = (world: World, effect: Extract<Effect, { type: "kill" }>, state: ArbiterState): void => {
    const process = world.processes.get(effect.id);
    if (process === undefined) return;
    const served = account.known.get(effect.id)?.served ?? false;
    const choices =
      effect.signal === "SIGABRT"
        ? [stuckFrom(process, lastBeat(world, process))]
        : [...killFrom(process, served, state.policy), { at: stopKills, since: stopUptime }];
    if (effect.signal === "SIGKILL" && !served) choices.push({ at: stopKillsUnborn, since: stopUptime });
    const just = ({ at, since }: From): boolean => at < NEVER && world.uptime() >= at - unnoticed(since);
    if (!choices.some(just)) throw new Violation(`unjust ${effect.signal} to ${effect.id}`);
    const { bornAt, readyAt, policy } = process;
    // Only a boot that took too long makes it right to kill who has nothing else to answer for.
    const unbornAlone = !served && !choices.slice(1).some(just);
    if (unbornAlone && !unread(world.now()) && readyAt < bornAt + policy.bootTimeout - unnoticed(bornAt)) {
      throw new Violation(`unjust SIGKILL to ${effect.id}: it was ready in time`);
    }
  };

  const watch = (world: World, event: Event, result: Step): void => {
    const now = world.now();
    const policyOf = (id: number): Policy | undefined => world.processes.get(id)?.policy;
    const limit = (ms: number): number => (ms === 0 ? NEVER : ms);
    if (event.type === "exited") since.delete(event.id);
    if (event.type === "ready" || event.type === "beat") {
      const held = since.get(event.id);
      const timeout = policyOf(event.id)?.timeout ?? 0;
      heard.set(event.id, world.uptime());
      const grace = policyOf(event.id)?.gracefulTimeout ?? 0;
      // Nobody knew that it served when it was told to go.
      if (event.type === "ready" && held?.what === "gone")
        since.set(event.id, { ...held, at: now, limit: Math.max(held.limit, grace) });
      if (held !== undefined && held.what !== "gone" && account.known.get(event.id)?.stage === "serving") {
        since.set(event.id, { what: "beat", at: now, limit: limit(timeout) });
      }
    }
    if (event.type === "leaving" || event.type === "bootFailed") {
      if (since.get(event.id)?.what !== "gone" && since.has(event.id)) {
        const ms = event.type === "leaving" ? result.state.policy.gracefulTimeout : QUICK_STOP;
        since.set(event.id, {
          what: "gone",
          at: now,
          limit: Math.max(ms, policyOf(event.id)?.gracefulTimeout ?? 0),
        });
      }
    }
    const most = event.type === "beat" ? (policyOf(event.id)?.maxMemoryHard ?? 0) : 0;
    if (event.type === "beat" && most > 0 && (event.rss ?? 0) > most) {
      const { phase } = result.state.workers.find(({ id }) => id === event.id) ?? {};
      if (phase?.name === "serving" || phase?.name === "draining")
        throw new Violation(`${event.id} uses more than maxMemoryHard and lives on`);
    }
    for (const effect of result.effects) {
      if (effect.type === "spawn") {
        since.set(effect.id, { what: "boot", at: now, limit: limit(policyOf(effect.id)?.bootTimeout ?? 0) });
      } else if (effect.type === "kill") {
        const ms = effect.signal === "SIGABRT" ? LAST_WORDS : NEVER;
        since.set(effect.id, { what: "gone", at: now, limit: ms });
      } else if (effect.type === "drain" || effect.type === "withdraw" || effect.type === "quit") {
        if (since.get(effect.id)?.what === "gone") continue;
        const grace = Math.max(
          policyOf(effect.id)?.gracefulTimeout ?? 0,
          result.state.policy.gracefulTimeout,
        );
        since.set(effect.id, { what: "gone", at: now, limit: effect.type === "drain" ? grace : QUICK_STOP });
      }
    }
    for (const [id, { what, at, limit: ms }] of since) {
      if (now > at + ms + forgiven(at))
        throw new Violation(`${id} outlives its deadline (${what} since ${at})`);
    }
  };

  return {
    suspended(world, { ms }) {
      const from = world.now();
      stalls.push({ from, until: from + ms, uptime: world.uptime() });
    },
    stepped(world, event, before, result) {
      if (event.type === "stop") {
        promise(world.now(), world.uptime(), event.quick, before.policy);
      } else if (result.state.phase.name === "stopping" && before.phase.name !== "stopping") {
        if (stopAt === NEVER)
          promise(world.now(), world.uptime(), true, before.policy); // it gave up
        else drainNow(world.now(), world.uptime(), result.state.policy.gracefulTimeout);
      }
      for (const effect of result.effects) if (effect.type === "kill") judge(world, effect, result.state);
      watch(world, event, result);
      // One that is stuck when the stop comes gets its last words, and the killed take a moment to die.
      if (world.now() > stopBy + LAST_WORDS + 100 + forgiven(stopAt)) {
        throw new Violation(`the stop was promised by ${stopBy}`);
      }
    },
  };
}

interface From {
  readonly at: number;
  readonly since: number;
}

/** From when a process counts as stuck. */
function stuckFrom(process: FakeProcess, beatAt: number): From {
  const { timeout } = process.policy;
  return { at: timeout === 0 ? NEVER : beatAt + timeout, since: beatAt };
}

/** From when a process may be killed; for one that never served, by the arbiter's knowledge, its boot comes first. */
function killFrom(process: FakeProcess, served: boolean, current: Policy): From[] {
  const { bootTimeout, gracefulTimeout } = process.policy;
  const grace = Math.min(gracefulTimeout, current.gracefulTimeout);
  const bornBy = served || bootTimeout === 0 ? NEVER : process.bornAt + bootTimeout;
  return [
    { at: bornBy, since: process.bornAt },
    { at: process.abortedAt + LAST_WORDS, since: process.abortedAt },
    { at: process.drainedAt + grace, since: process.drainedAt },
    { at: process.leftAt + grace, since: process.leftAt },
    { at: process.failedAt + QUICK_STOP, since: process.failedAt },
    { at: served ? NEVER : process.quitAt + LAST_WORDS, since: process.quitAt },
    { at: served ? NEVER : process.withdrawnAt + LAST_WORDS, since: process.withdrawnAt },
    { at: process.policy.maxMemoryHard === 0 ? NEVER : process.largeAt, since: process.largeAt },
  ];
}
