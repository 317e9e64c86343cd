// How a reload begins, and how it fails: a failed boot ends it until a worker of the new generation serves, and after that three
// workers that don't boot, or die, leave or get stuck. It always ends, so the next reload, with the mistake
// mended, always gets its turn.

import type { Effect } from "./events.ts";
import { type ArbiterState, draining, isServing, nameOf, type WorkerState } from "./state.ts";

/** So many workers of a new generation may be lost on the way before the reload is given up. */
const MOST_LOSSES = 3;

const NEVER = Number.POSITIVE_INFINITY;
/** What a worker gets to leave that is not needed any more, in milliseconds. */
const LAST_WORDS = 1_000;

function startRollout(state: ArbiterState, now: number, effects: Effect[]): void {
  state.reloadWanted = false;
  state.rollout = { name: "loading", since: now, paused: state.target === 0 };
  effects.push({ type: "loadConfig" });
}

/**
 * Starts the reload that is wanted, where it may start now. One that comes during the first start waits for its end;
 * but a start whose workers keep failing has no end, and the reload may be its cure.
 */
export function startWanted(state: ArbiterState, now: number, effects: Effect[]): void {
  if (!state.reloadWanted || state.rollout !== null) return;
  const stuck = state.backoff.failures > 0 || state.backoff.retryAt === NEVER;
  if (state.phase.name === "running" || (state.phase.name === "starting" && stuck)) {
    startRollout(state, now, effects);
  }
}

/** The generation that is on trial or taking over; null where there is none. */
export function newGeneration(state: ArbiterState): number | null {
  const rollout = state.rollout;
  return rollout === null || rollout.name === "loading" ? null : rollout.generation;
}

/** Gives the reload up: the old generation serves on, or what is left of it. */
export function failRollout(state: ArbiterState, reason: string, now: number, effects: Effect[]): void {
  const rollout = state.rollout;
  if (rollout === null) return;
  state.rollout = null;
  const rest =
    state.target > 0
      ? `generation ${state.generation} serves on`
      : "and there are no workers until TTIN, or HUP once it succeeds, adds some";
  let message = `Reload aborted, ${rest}: ${reason}`;
  if (rollout.name === "trying") effects.push({ type: "abandon", generation: rollout.generation });
  if (rollout.name === "replacing") {
    const old = state.workers.filter((w) => isServing(w) && w.generation < rollout.generation).length;
    message = `Reload stopped half way, ${old} worker(s) of the old generation serve on: ${reason}`;
  }
  const waits = state.phase.name === "starting" && state.policy.awaitChange;
  if (waits) message = reason;
  effects.push({ type: "log", level: "error", message });
  effects.push({ type: "reloadEnded", failure: message });
  if (waits) awaitChange(state, now, effects);
}

/** The first start has failed, and is to be mended: until the next reload no worker is tried. */
export function awaitChange(state: ArbiterState, now: number, effects: Effect[]): void {
  for (const worker of state.workers) {
    if (worker.phase.name !== "booting") continue;
    effects.push({ type: "quit", id: worker.id });
    worker.failed ??= "the application does not load";
    worker.ending ??= "boot";
    worker.phase = draining(worker, now + LAST_WORDS);
  }
  state.backoff = { ...state.backoff, retryAt: NEVER };
  effects.push({ type: "log", level: "info", message: "Waiting for a change" });
}

/** Counts a worker that is lost against the reload that brought it; `why` it did not boot, undefined where it was ready. */
export function countLoss(
  state: ArbiterState,
  worker: WorkerState,
  now: number,
  effects: Effect[],
  why?: string,
): void {
  const rollout = state.rollout;
  if (rollout === null || rollout.name === "loading" || worker.generation !== rollout.generation) return;
  const losses = rollout.losses + 1;
  state.rollout = { ...rollout, losses };
  if (losses < MOST_LOSSES) return;
  const last = why === undefined ? nameOf(worker) : `${nameOf(worker)}, which did not boot: ${why}`;
  failRollout(state, `${losses} new workers were lost, the last was ${last}`, now, effects);
}
