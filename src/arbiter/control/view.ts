// What the control socket shows, from what the arbiter knows. Times are seconds. Pure.

import type { ArbiterState, Rollout, WorkerState } from "../state.ts";

export interface ReloadView {
  /** `loading` the configuration, `trying` the new generation, `replacing` the old one. */
  readonly phase: Rollout["name"];
  /** The generation that is to take over; null before it has a number. */
  readonly generation: number | null;
  /** How long it has been going on. */
  readonly age: number;
}

export interface StatusView {
  readonly server: string;
  readonly pid: number;
  /** `announcing`: it stops, but serves on until load balancers have noticed. */
  readonly phase: ArbiterState["phase"]["name"];
  readonly app: string | null;
  readonly workerClass: string;
  readonly listeners: readonly string[];
  /** The generation in service: it rises with every reload. */
  readonly generation: number;
  readonly uptime: number;
  readonly workers: {
    /** How many there should be. */
    readonly wanted: number;
    readonly serving: number;
    readonly booting: number;
    /** On their way out, for whatever reason. */
    readonly leaving: number;
  };
  /** The reload on its way. */
  readonly reload: ReloadView | null;
  readonly lastReload: LastReload | null;
  /** The arbiter that USR2 has started, while both run. */
  readonly upgrade: { readonly pid: number | null } | null;
  /** The arbiter that this one is to replace, while that runs. */
  readonly elder: number | null;
}

export interface LastReload {
  /** Seconds since it ended. */
  readonly age: number;
  /** Null where it went well. */
  readonly failure: string | null;
}

export interface Facts {
  readonly server: string;
  readonly pid: number;
  readonly app: string | null;
  readonly workerClass: string;
  readonly listeners: readonly string[];
  readonly lastReload: { readonly at: number; readonly failure: string | null } | null;
  /** When the arbiter began, on the clock of `now`. */
  readonly startedAt: number;
}

/** `now` is on the arbiter's clock, in milliseconds. */
export function statusView(state: ArbiterState, facts: Facts, now: number): StatusView {
  const { server, pid, app, workerClass, listeners, lastReload, startedAt } = facts;
  const inPhase = (...names: readonly string[]): number =>
    state.workers.filter(({ phase }) => names.includes(phase.name)).length;
  const { rollout, upgrade } = state;
  return {
    server,
    pid,
    phase: state.phase.name,
    app,
    workerClass,
    listeners,
    generation: state.generation,
    uptime: seconds(now - startedAt),
    workers: {
      wanted: state.target,
      serving: inPhase("serving"),
      booting: inPhase("booting"),
      leaving: inPhase("draining", "aborting", "killed"),
    },
    reload:
      rollout === null
        ? null
        : {
            phase: rollout.name,
            generation: rollout.name === "loading" ? null : rollout.generation,
            age: seconds(now - rollout.since),
          },
    lastReload:
      lastReload === null ? null : { age: seconds(now - lastReload.at), failure: lastReload.failure },
    upgrade: upgrade === null ? null : { pid: upgrade.name === "running" ? upgrade.pid : null },
    elder: state.elder,
  };
}

export interface WorkerView {
  /** Its place in the fleet, as `worker=2` in the log. */
  readonly worker: number;
  readonly generation: number;
  readonly pid: number | null;
  readonly phase: WorkerState["phase"]["name"];
  readonly uptime: number;
  /** Why it is to be replaced. */
  readonly retiring: string | null;
  /** Since it last said that its event loop runs; null where `timeout` is 0, and before it serves. */
  readonly silent: number | null;
  /** Until it is killed where it does not get on: boots, beats or leaves. */
  readonly deadline: number | null;
}

export function workerView(worker: WorkerState, now: number): WorkerView {
  const { slot, generation, pid, phase, spawnedAt, retiring, policy } = worker;
  const deadline = deadlineOf(phase);
  const silent = phase.name === "serving" ? now - (phase.beatBy - policy.timeout) : Number.POSITIVE_INFINITY;
  const finite = (milliseconds: number): number | null =>
    Number.isFinite(milliseconds) ? seconds(Math.max(0, milliseconds)) : null;
  return {
    worker: slot,
    generation,
    pid,
    phase: phase.name,
    uptime: seconds(now - spawnedAt),
    retiring,
    silent: finite(silent),
    deadline: finite(deadline - now),
  };
}

function deadlineOf(phase: WorkerState["phase"]): number {
  switch (phase.name) {
    case "booting":
      return phase.bootBy;
    case "serving":
      return phase.beatBy;
    case "killed":
      return Number.POSITIVE_INFINITY;
    default:
      return phase.killAt;
  }
}

/**
 * The worker that `name` means: `2` is the place in the fleet, and of several there the one spawned last; `pid=41`
 * is exactly one.
 */
export function findWorker(workers: readonly WorkerState[], name: string): WorkerState | undefined {
  const pid = /^pid=(\d+)$/.exec(name)?.[1];
  if (pid !== undefined) return workers.find((worker) => worker.pid === Number(pid));
  return workers.filter((worker) => String(worker.slot) === name).at(-1);
}

const seconds = (milliseconds: number): number => Math.round(milliseconds) / 1_000;
