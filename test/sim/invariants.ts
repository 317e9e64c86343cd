// What must hold after each step of any history, judged by the world's own account.

import type { Effect, Event } from "../../src/arbiter/events.ts";
import { type Account, createAccount, type Known } from "./account.ts";
import type { ArbiterState } from "./core.ts";
import { createJustice } from "./justice.ts";
import { createReloadWatch } from "./reloads.ts";
import { createSocketWatch } from "./sockets.ts";
import { createStormWatch } from "./storm.ts";
import { Violation } from "./trace.ts";
import { createUpgradeWatch } from "./upgrades.ts";
import type { Watch, World } from "./world.ts";

/** The longest the arbiter may want to sleep, in milliseconds. */
const LONGEST_SLEEP = 1_000;

export function createInvariants(): Watch {
  const account = createAccount();
  const justice = createJustice(account);
  const storm = createStormWatch();
  const sockets = createSocketWatch();
  const upgrades = createUpgradeWatch();
  const reloads = createReloadWatch();
  let readyHooks = 0;

  return {
    suspended: (world, suspension) => justice.suspended(world, suspension),
    stepped(world, event, before, { state, effects, wakeAt }) {
      const servingBefore = [...account.known.values()].filter((one) => one.stage === "serving");
      account.told(event);
      let spawned = false;
      let drained: Known[] | null = null;
      for (const effect of effects) {
        account.did(effect);
        if (effect.type === "spawn") spawned = true;
        if (effect.type === "drain") {
          const one = account.known.get(effect.id);
          if (one === undefined) throw new Violation(`drains ${effect.id}, which is gone`);
          drained ??= [];
          drained.push(one);
        }
        if (effect.type === "hook" && effect.name === "whenReady") {
          if (++readyHooks > 1) throw new Violation("whenReady twice");
          if (account.serving() < state.target) throw new Violation("whenReady before all were ready");
        }
      }
      checkSleep(state, wakeAt, world.now());
      checkAnnounced(account.known, state);
      checkIdle(world, state, wakeAt);
      if (effects.length > 0) checkIdentities(account.known, state, world);
      if (spawned) {
        if (isStopping(before) || isStopping(state)) throw new Violation("spawned while stopping");
        checkCeiling(account.live(), state);
        checkRecycling(account.known, effects, before, state);
      }
      if (drained !== null && !isStopping(state)) checkCapacity(account.serving, drained, state);
      checkResize(event, effects);
      checkProof(account, effects, before, state);
      upgrades.stepped(event, before, effects);
      reloads.stepped(event, before, state, effects);
      sockets.stepped(event, before, effects, account.known);
      if (!isStopping(state)) checkAbandon(account.known, servingBefore, event, effects, before);
      storm.stepped(world, event, before, effects);
      justice.stepped(world, event, before, { state, effects, wakeAt });
      if (world.exitStatus() !== null) checkEnd(world);
    },
  };
}

type Counter = (only?: (known: Known) => boolean) => number;

function isStopping(state: ArbiterState): boolean {
  return state.phase.name === "stopping" || state.phase.name === "stopped";
}

function checkSleep(state: ArbiterState, wakeAt: number | null, now: number): void {
  if (state.phase.name === "stopped") {
    if (wakeAt !== null) throw new Violation("wants to be woken after its end");
    return;
  }
  if (wakeAt === null || !(wakeAt >= now && wakeAt <= now + LONGEST_SLEEP)) {
    throw new Violation(`wants to be woken at ${wakeAt}`);
  }
}

/** Whoever may be probed knows that the server stops, where no other arbiter serves on. */
function checkAnnounced(known: ReadonlyMap<number, Known>, { phase, upgrade, elder }: ArbiterState): void {
  const stops = phase.name === "announcing" && upgrade?.name !== "running" && elder === null;
  for (const { id, stage, announced } of known.values()) {
    if (announced > 1) throw new Violation(`told ${id} twice that the server stops`);
    if (stops && stage !== "going" && announced === 0) throw new Violation(`${id} does not know of the stop`);
    if (phase.name === "running" && announced > 0) throw new Violation(`told ${id} of no stop`);
  }
}

/** Looking again at the same instant changes nothing, but for deadlines of no length. */
function checkIdle(world: World, state: ArbiterState, wakeAt: number | null): void {
  const now = world.now();
  let again = world.core.step(state, { type: "tick" }, now);
  if (wakeAt === now) again = world.core.step(again.state, { type: "tick" }, now);
  if (again.effects.length > 0) {
    throw new Violation(`not idempotent: looking again yields ${JSON.stringify(again.effects)}`);
  }
}

/** The arbiter knows exactly the processes that have not exited, and no two in service bear one name. */
function checkIdentities(known: ReadonlyMap<number, Known>, state: ArbiterState, world: World): void {
  if (state.workers.length !== known.size) throw new Violation("lost count of its workers");
  const names = new Set<string>();
  for (const worker of state.workers) {
    if (!known.has(worker.id)) throw new Violation(`knows ${worker.id}, which is gone`);
    const inService = worker.phase.name === "booting" || worker.phase.name === "serving";
    if (!inService || worker.retiring !== null) continue;
    const name = `worker=${worker.slot} gen=${worker.generation}`;
    if (names.has(name)) throw new Violation(`two are named ${name}`);
    names.add(name);
  }
  for (const process of world.processes.values()) {
    if (process.alive && !known.has(process.order.id)) throw new Violation(`orphan ${process.order.id}`);
  }
}

/** Never more than the surge on top of the target; twice the target where a whole generation is on trial. */
function checkCeiling(live: number, state: ArbiterState): void {
  const rollout = state.rollout;
  const trial = rollout?.name === "trying" ? rollout : null;
  const { maxSurge, reloadMode } = trial?.policy ?? state.policy;
  const wanted = Math.max(state.target, trial?.target ?? 0);
  const retiring = state.workers.filter((worker) => worker.retiring !== null).length;
  const ceiling =
    trial !== null && reloadMode === "all" ? 2 * wanted + maxSurge + retiring : state.target + maxSurge;
  if (live > ceiling) throw new Violation(`${live} workers where ${ceiling} are the most`);
}

/** Who has reached a limit is replaced while those before it finish only as far as the surge goes. */
function checkRecycling(
  known: Account["known"],
  effects: readonly Effect[],
  before: ArbiterState,
  state: ArbiterState,
): void {
  if (before.rollout !== null || state.rollout !== null || !effects.some(({ type }) => type === "spawn"))
    return;
  const all = [...known.values()];
  const live = all.filter(({ stage }) => stage !== "going").length;
  const finishing = all.filter(({ stage, served }) => stage === "going" && served).length;
  const most = state.target + state.policy.maxSurge;
  if (live > state.target && live + finishing > most)
    throw new Violation(`${live + finishing} processes for recycling where ${most} are the most`);
}

/** A drain for a reload, a recycle or a smaller target leaves as many serving as there should be. */
function checkCapacity(serving: Counter, drained: readonly Known[], state: ArbiterState): void {
  const trial = state.rollout?.name === "trying" ? state.rollout.generation : null;
  // The remains of an abandoned trial go, come what may.
  if (drained.every((one) => one.generation > state.generation && one.generation !== trial)) return;
  const left = serving((one) => one.generation !== trial && one.generation <= state.lastGeneration);
  if (left < state.target) {
    const ids = drained.map((one) => one.id).join(", ");
    throw new Violation(`drained ${ids}, so that ${left} of ${state.target} serve`);
  }
}

/** How many there should be changes by a command, or when a new configuration has proved itself. */
function checkResize(event: Event, effects: readonly Effect[]): void {
  if (!effects.some((effect) => effect.type === "resized")) return;
  if (["start", "more", "fewer", "scale", "pause"].includes(event.type)) return;
  if (!effects.some((effect) => effect.type === "adopt"))
    throw new Violation("resized by an unproven reload");
}

/** A generation is adopted only once it serves. */
function checkProof(
  { serving, known }: Account,
  effects: readonly Effect[],
  before: ArbiterState,
  state: ArbiterState,
): void {
  const adopted = effects.find((effect) => effect.type === "adopt");
  if (adopted === undefined) return;
  const generationOf = (id: number): number | undefined => known.get(id)?.generation;
  const trial = before.rollout?.name === "trying" ? before.rollout : null;
  const mode = trial?.policy.reloadMode ?? state.policy.reloadMode;
  // Also where WINCH has left no worker one must have shown that it serves.
  const least = Math.min(1, Math.max(state.target, trial?.policy.workers ?? 0));
  const needed = mode === "all" ? Math.max(state.target, least) : least;
  // What it drained at once had served too.
  const drained = effects.filter(
    (effect) => effect.type === "drain" && generationOf(effect.id) === adopted.generation,
  );
  const own = serving((one) => one.generation === adopted.generation) + drained.length;
  if (own < needed) throw new Violation(`adopted generation ${adopted.generation} with ${own} of ${needed}`);
}

/** A trial that is given up leaves every worker of the old generations as it was. */
function checkAbandon(
  known: ReadonlyMap<number, Known>,
  servingBefore: readonly Known[],
  event: Event,
  effects: readonly Effect[],
  before: ArbiterState,
): void {
  const abandoned = effects.find((effect) => effect.type === "abandon");
  if (abandoned === undefined || before.rollout?.name !== "trying") return;
  const dead = "id" in event ? event.id : null;
  for (const { id, generation } of servingBefore) {
    if (generation === abandoned.generation || id === dead) continue;
    if (effects.some((effect) => effect.type === "kill" && effect.id === id)) continue; // it was stuck
    if (known.get(id)?.stage !== "serving") throw new Violation(`abandoned, yet ${id} was told to go`);
  }
  for (const one of known.values()) {
    if (one.generation === abandoned.generation && one.stage !== "going") {
      throw new Violation(`abandoned, yet ${one.id} of that generation stays`);
    }
  }
}

function checkEnd(world: World): void {
  for (const process of world.processes.values()) {
    if (process.alive) throw new Violation(`exited and left ${process.order.id} behind`);
  }
}
