// What a start, a reload or a stop is about just now, in one line for people. Pure.

import type { ArbiterState } from "../state.ts";

export interface Moment {
  /** On the clock of the state's times, in milliseconds. */
  readonly now: number;
  /** When the arbiter began. */
  readonly startedAt: number;
  /** Requests of the workers that drain; null where nobody tells. */
  readonly inFlight: number | null;
}

/** Null where there is nothing to wait for, or another arbiter speaks. */
export function progressOf(state: ArbiterState, { now, startedAt, inFlight }: Moment): string | null {
  const { phase, rollout, target, workers, elder, backoff } = state;
  if (elder !== null || phase.name === "stopped") return null;
  const left = (until: number): string => `${Math.max(0, Math.ceil((until - now) / 1_000))} s left`;
  const since = (begun: number): string => `${(Math.max(0, now - begun) / 1_000).toFixed(1)} s`;
  if (phase.name === "announcing")
    return `stopping: serves on for load balancers to notice, ${left(phase.drainAt)}`;
  if (phase.name === "stopping") {
    const count = workers.length;
    if (count === 0) return null;
    const draining =
      inFlight === null
        ? `${many(count, "worker")} to end`
        : `${many(inFlight, "request")} draining in ${many(count, "worker")}`;
    return `stopping: ${draining}, ${left(phase.killAt)}`;
  }
  if (rollout?.name === "loading") return `reloading: reading the configuration, ${since(rollout.since)}`;
  const serving = (generation: number): number =>
    workers.filter((worker) => worker.phase.name === "serving" && worker.generation === generation).length;
  if (rollout !== null) {
    const wanted = (rollout.name === "trying" ? rollout.target : null) ?? target;
    return `reloading: ${serving(rollout.generation)}/${wanted} workers new, ${since(rollout.since)}`;
  }
  // A start that has failed waits for a change of the application, however long.
  if (phase.name !== "starting" || backoff.retryAt === Number.POSITIVE_INFINITY) return null;
  return `starting: ${serving(state.generation)}/${target} workers ready, ${since(startedAt)}`;
}

const many = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
