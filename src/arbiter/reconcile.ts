// Compares what is with what should be, and asks for the difference. Running it twice does nothing the second time.

import { afterCalm } from "./backoff.ts";
import type { Effect, Level } from "./events.ts";
import { countLoss, startWanted } from "./rollout.ts";
import {
  type ArbiterState,
  draining,
  type Ending,
  isLive,
  isServing,
  nameOf,
  type WorkerState,
} from "./state.ts";
import { beginStop, tellWorkers } from "./stop.ts";

/** Between SIGABRT and SIGKILL for a stuck worker, and what an unborn worker gets to leave, in milliseconds. */
const LAST_WORDS = 1_000;

export function reconcile(state: ArbiterState, now: number, effects: Effect[]): void {
  judgeOverdue(state, now, effects);
  if (state.phase.name === "announcing" && state.phase.drainAt <= now)
    beginStop(state, "graceful", 0, now, effects);
  if (state.phase.name === "stopping") return finishStop(state, effects);
  if (state.phase.name === "stopped") return;
  state.backoff = afterCalm(state.backoff, readyTimes(state), now);
  adoptRollout(state, effects);
  removeSurplus(state, now, effects);
  addMissing(state, now, effects);
  tellWorkers(state, effects);
  finishRollout(state, now, effects);
  releaseOld(state, effects);
  becomeRunning(state, effects);
  startWanted(state, now, effects);
}

function readyTimes(state: ArbiterState): number[] {
  return state.workers.filter(isServing).flatMap((worker) => worker.readyAt ?? []);
}

/** Workers that have missed the deadline of their phase. */
function judgeOverdue(state: ArbiterState, now: number, effects: Effect[]): void {
  const log = (level: Level, message: string): void => void effects.push({ type: "log", level, message });
  for (const worker of state.workers) {
    const phase = worker.phase;
    if (phase.name === "booting" && phase.bootBy <= now) {
      // The first start fails as a whole, and is told of once.
      const told = state.phase.name === "starting" && state.workers.some((other) => other.failed !== null);
      // Its exit, seen while it is still booting, is what counts as the failed boot.
      worker.failed = `${nameOf(worker)} was not ready in time`;
      worker.ending ??= "boot";
      if (!told) log("error", `Boot timeout: ${worker.failed}, it is killed`);
      effects.push({ type: "kill", id: worker.id, signal: "SIGKILL" });
      worker.phase = { name: "booting", bootBy: Number.POSITIVE_INFINITY };
    } else if ((phase.name === "draining" || phase.name === "aborting") && phase.killAt <= now) {
      expire(state, worker, effects);
    } else if ((phase.name === "serving" || phase.name === "draining") && phase.beatBy <= now) {
      log("critical", `WORKER TIMEOUT (${nameOf(worker)}): its event loop is stuck`);
      effects.push({ type: "kill", id: worker.id, signal: "SIGABRT" });
      const killAt = now + LAST_WORDS;
      worker.phase = {
        name: "aborting",
        killAt: phase.name === "draining" ? Math.min(killAt, phase.killAt) : killAt,
      };
      worker.ending ??= "stuck";
      if (phase.name === "serving") countLoss(state, worker, now, effects);
    }
  }
}

/** SIGKILL for who had its time. What it was at is found out first, unless it is known already or haste was asked for. */
function expire(state: ArbiterState, worker: WorkerState, effects: Effect[]): void {
  const { id, phase } = worker;
  const line = `Killing ${nameOf(worker)}: `;
  const hasty = state.phase.name === "stopping" && state.phase.urgency !== "graceful";
  const log = (level: Level, why: string): void =>
    void effects.push({ type: "log", level, message: line + why });
  worker.phase = { name: "killed" };
  if (worker.readyAt !== null && phase.name === "draining" && !hasty) {
    const explained = `${line}it did not finish in time`;
    effects.push({ type: "kill", id, signal: "SIGKILL", explained });
    return;
  }
  if (worker.readyAt === null) log("info", "it was still starting, nothing is lost");
  else log("warning", phase.name === "draining" ? "it did not finish in time" : "it did not answer SIGABRT");
  effects.push({ type: "kill", id, signal: "SIGKILL" });
}

function finishStop(state: ArbiterState, effects: Effect[]): void {
  if (state.phase.name !== "stopping") return;
  if (state.phase.urgency === "now") {
    for (const worker of state.workers) {
      if (worker.phase.name === "killed") continue;
      effects.push({ type: "kill", id: worker.id, signal: "SIGKILL" });
      worker.phase = { name: "killed" };
      worker.ending ??= "stopped";
    }
  }
  if (state.workers.length > 0) return;
  const { status } = state.phase;
  const message = status === 0 ? "Stop complete" : `Stop complete: exit status ${status}`;
  effects.push({ type: "log", level: "info", message }, { type: "exit", status });
  state.phase = { name: "stopped" };
}

/** Fresh workers count towards the target; the others serve until a fresh one takes their place. */
function isFresh(state: ArbiterState, worker: WorkerState): boolean {
  if (!isLive(worker) || worker.retiring !== null) return false;
  const rollout = state.rollout;
  return rollout === null || rollout.name === "loading" || worker.generation === rollout.generation;
}

/** How many fresh workers there should be: one that is on trial also where WINCH wants none, for nothing else proves a generation. */
function wanted({ rollout, target }: ArbiterState): number {
  if (rollout?.name !== "trying") return target;
  return (rollout.target ?? target) || Math.min(1, rollout.policy.workers);
}

/** The new generation has proved itself: from here on it is the one in service. */
function adoptRollout(state: ArbiterState, effects: Effect[]): void {
  const rollout = state.rollout;
  if (rollout?.name !== "trying") return;
  const ready = state.workers.filter((w) => isServing(w) && w.generation === rollout.generation).length;
  const most = wanted(state);
  if (ready < (rollout.policy.reloadMode === "all" ? most : Math.min(1, most))) return;
  const target = rollout.target ?? state.target;
  if (target !== state.target) effects.push({ type: "resized", workers: target, before: state.target });
  state.target = target;
  state.policy = rollout.policy;
  state.generation = rollout.generation;
  const { generation, since, losses } = rollout;
  state.rollout = { name: "replacing", generation, since, losses };
  state.holdsOld = true;
  effects.push({ type: "adopt", generation });
}

/** Retires what is outdated, asked to go, or too many, but never below the target. */
function removeSurplus(state: ArbiterState, now: number, effects: Effect[]): void {
  const trying = state.rollout?.name === "trying" ? state.rollout.generation : null;
  const proven = state.rollout === null || state.rollout.name === "loading";
  // What an abandoned trial left behind.
  for (const worker of state.workers) {
    if (proven && isLive(worker) && worker.generation > state.generation) {
      retire(worker, "boot", now, effects);
    }
  }
  const live = state.workers.filter(isLive);
  const fresh = live.filter((worker) => isFresh(state, worker));
  const booting = fresh.filter((worker) => worker.phase.name === "booting");
  // Too many on their way: the youngest that have not served yet go first, they cost no capacity.
  let excess = fresh.length - wanted(state);
  for (const worker of booting.reverse()) {
    if (excess-- <= 0) break;
    retire(worker, "surplus", now, effects);
  }
  // The old are untouchable while the new are on trial, but for those that a smaller target made too many.
  if (trying !== null) {
    const old = live.filter((worker) => worker.generation !== trying && worker.retiring === null);
    let many = old.length - state.target;
    for (const worker of old.filter((one) => one.phase.name === "booting").reverse()) {
      if (many-- <= 0) break;
      retire(worker, "surplus", now, effects);
    }
  }
  const serving = state.workers.filter(isServing);
  const counted = trying === null ? serving : serving.filter((worker) => worker.generation !== trying);
  let spare = counted.length - state.target;
  const goFirst = [...counted].sort(
    (a, b) => Number(isFresh(state, a)) - Number(isFresh(state, b)) || a.id - b.id,
  );
  for (const worker of goFirst) {
    if (spare-- <= 0) break;
    const outdated = worker.generation < state.generation;
    retire(worker, worker.retiring !== null ? "recycled" : outdated ? "outdated" : "surplus", now, effects);
  }
  // Outdated workers that never became ready are of no use once the new generation serves.
  if (state.rollout?.name === "replacing") {
    for (const worker of state.workers) {
      if (worker.phase.name === "booting" && !isFresh(state, worker))
        retire(worker, "outdated", now, effects);
    }
  }
}

function retire(worker: WorkerState, why: Ending, now: number, effects: Effect[]): void {
  worker.ending ??= why;
  if (worker.phase.name === "booting") {
    effects.push({ type: "withdraw", id: worker.id, idle: "keep" });
    worker.phase = draining(worker, now + LAST_WORDS);
    return;
  }
  effects.push({ type: "log", level: "debug", message: `Draining ${nameOf(worker)}` });
  effects.push({ type: "drain", id: worker.id, idle: "keep" });
  worker.phase = draining(worker, now + worker.policy.gracefulTimeout);
}

function addMissing(state: ArbiterState, now: number, effects: Effect[]): void {
  const rollout = state.rollout;
  const generation = rollout === null || rollout.name === "loading" ? state.generation : rollout.generation;
  const policy = rollout?.name === "trying" ? rollout.policy : state.policy;
  const wholesale = rollout?.name === "trying" && policy.reloadMode === "all";
  for (;;) {
    const live = state.workers.filter(isLive);
    const fresh = live.filter((worker) => isFresh(state, worker));
    if (fresh.length >= wanted(state)) return;
    if (!wholesale && live.length >= state.target + policy.maxSurge) return;
    // A limit is a wish: who has reached one serves on until those that went before it have finished.
    const recycling = rollout === null || rollout.name === "loading";
    if (
      recycling &&
      live.length >= state.target &&
      live.length + finishing(state) >= state.target + policy.maxSurge
    )
      return;
    if (now < state.backoff.retryAt) return;
    // After failures one worker is tried at a time, and with `preload` until one has shown that the rest will boot.
    const unproven = policy.preload && !fresh.some((worker) => worker.readyAt !== null);
    const oneAtATime = state.backoff.failures > 0 || unproven;
    if (oneAtATime && fresh.some((worker) => worker.phase.name === "booting")) return;
    const bootBy = policy.bootTimeout === 0 ? Number.POSITIVE_INFINITY : now + policy.bootTimeout;
    const worker: WorkerState = {
      id: state.nextId++,
      slot: freeSlot(fresh),
      generation,
      policy,
      pid: null,
      phase: { name: "booting", bootBy },
      spawnedAt: now,
      readyAt: null,
      retiring: null,
      ending: null,
      announced: false,
      failed: null,
    };
    state.workers.push(worker);
    effects.push({ type: "spawn", id: worker.id, slot: worker.slot, generation });
  }
}

/** Workers that have served and finish what they have. */
const finishing = ({ workers }: ArbiterState): number =>
  workers.filter((worker) => !isLive(worker) && worker.readyAt !== null).length;

/** The lowest place in the fleet that no fresh worker holds. */
function freeSlot(fresh: readonly WorkerState[]): number {
  const taken = new Set(fresh.map((worker) => worker.slot));
  let slot = 1;
  while (taken.has(slot)) slot++;
  return slot;
}

function finishRollout(state: ArbiterState, now: number, effects: Effect[]): void {
  const rollout = state.rollout;
  if (rollout?.name !== "replacing") return;
  // Also those that already ask to be recycled: with few requests each, some always do.
  const serving = state.workers.filter((w) => isServing(w) && w.generation === rollout.generation).length;
  const outdated = state.workers.some((w) => isLive(w) && w.generation !== rollout.generation);
  if (serving < state.target || outdated) return;
  const seconds = ((now - rollout.since) / 1000).toFixed(1);
  const message = `Reload complete: generation ${rollout.generation} serves with ${serving} worker(s), after ${seconds} s`;
  effects.push({ type: "log", level: "info", message });
  effects.push({ type: "reloadEnded", failure: null });
  state.rollout = null;
}

/** Sockets that only older generations used are closed when the last of their workers is told to go: it takes in what waits. */
function releaseOld(state: ArbiterState, effects: Effect[]): void {
  // What is loading may be taking up one of them.
  if (!state.holdsOld || state.rollout?.name === "loading") return;
  if (state.workers.some((worker) => worker.generation < state.generation && isLive(worker))) return;
  state.holdsOld = false;
  effects.push({ type: "releaseOld", generation: state.generation });
}

function becomeRunning(state: ArbiterState, effects: Effect[]): void {
  if (state.phase.name !== "starting") return;
  const serving = state.workers.filter(isServing).length;
  if (serving < state.target) return;
  state.phase = { name: "running" };
  effects.push({ type: "hook", name: "whenReady" });
  if (state.target === 0) {
    const message = "There are no workers: connections wait until TTIN, or HUP with workers >= 1, adds some";
    effects.push({ type: "log", level: "warning", message });
  } else {
    // Where no line on a terminal tells how the start gets on, this tells that it is done.
    const message = `Start complete: generation ${state.generation} serves with ${serving} worker(s)`;
    effects.push({ type: "log", level: "info", message });
  }
}
