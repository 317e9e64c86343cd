// How the arbiter stops: gracefully, quickly, at once.

import type { Effect } from "./events.ts";
import { type ArbiterState, draining, isLive } from "./state.ts";

/** How long a quick stop waits before it kills, in milliseconds. */
export const QUICK_STOP = 2_000;

export function isStopping(state: ArbiterState): boolean {
  return state.phase.name === "stopping" || state.phase.name === "stopped";
}

/** Another arbiter serves on, on the same sockets. One that is still to be started will not be. */
const isHandedOver = (state: ArbiterState): boolean =>
  state.upgrade?.name === "running" || state.elder !== null;

/** TERM, INT or QUIT. A stop only ever becomes more urgent. */
export function stop(state: ArbiterState, quick: boolean, now: number, effects: Effect[]): void {
  if (state.phase.name === "stopped") return;
  if (state.phase.name !== "stopping") {
    if (quick) return beginStop(state, "quick", 0, now, effects);
    return announceStop(state, now, effects);
  }
  if (!quick) return;
  const { urgency, status } = state.phase;
  if (urgency === "graceful") return beginStop(state, "quick", status, now, effects);
  state.phase = { name: "stopping", urgency: "now", killAt: now, status };
}

export function beginStop(
  state: ArbiterState,
  urgency: "graceful" | "quick",
  status: number,
  now: number,
  effects: Effect[],
): void {
  const again = state.phase.name === "stopping";
  const grace = state.policy.gracefulTimeout;
  const killAt = now + (urgency === "quick" ? Math.min(grace, QUICK_STOP) : grace);
  state.phase = { name: "stopping", urgency, killAt, status };
  const handedOver = isHandedOver(state);
  if (!again) effects.push({ type: "closeListeners", handedOver });
  if (!again && state.rollout?.name === "trying") {
    effects.push({ type: "abandon", generation: state.rollout.generation });
  }
  if (state.rollout !== null || state.reloadWanted) {
    effects.push({ type: "reloadEnded", failure: "The server stops" });
  }
  state.rollout = null;
  state.reloadWanted = false;
  for (const worker of state.workers) {
    const phase = worker.phase.name;
    if (phase === "killed" || phase === "aborting") continue;
    worker.ending ??= "stopped";
    // Whoever was told to go before is not given longer.
    const earliest = worker.phase.name === "draining" ? worker.phase.killAt : Number.POSITIVE_INFINITY;
    // Also those that drain for a reload: their idle connections need not live on, but where another arbiter
    // goes on they must not be closed while a request may be on its way.
    const idle = handedOver ? "keep" : "close";
    if (urgency === "quick") effects.push({ type: "quit", id: worker.id });
    else effects.push({ type: phase === "booting" ? "withdraw" : "drain", id: worker.id, idle });
    // Who boots has nothing to finish; if it serves already, its `ready` gives it the time of the others.
    const unborn = phase === "booting" ? now + QUICK_STOP : Number.POSITIVE_INFINITY;
    worker.phase = draining(worker, Math.min(killAt, unborn, earliest));
  }
}

/** Serves on for `drainDelay`, which begins with the first TERM. */
function announceStop(state: ArbiterState, now: number, effects: Effect[]): void {
  if (state.phase.name === "announcing") return;
  const delay = state.policy.drainDelay;
  if (delay === 0) return beginStop(state, "graceful", 0, now, effects);
  state.phase = { name: "announcing", drainAt: now + delay };
  const message = `Stopping in ${delay / 1000} s: it serves on until then, for load balancers to notice`;
  effects.push({ type: "log", level: "info", message });
}

/** Tells each worker that the server stops, where nobody else serves on: those who probe it have to hear of it. */
export function tellWorkers(state: ArbiterState, effects: Effect[]): void {
  if (state.phase.name !== "announcing" || isHandedOver(state)) return;
  for (const worker of state.workers) {
    if (worker.announced || !isLive(worker)) continue;
    worker.announced = true;
    effects.push({ type: "announce", id: worker.id });
  }
}
