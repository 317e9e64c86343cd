// What the arbiter knows. One record; `step` is the only place that makes a new one.

import type { Policy } from "./events.ts";

/** Where a worker is in its life. Each phase carries its own deadline, in milliseconds of the arbiter's clock. */
export type WorkerPhase =
  | { readonly name: "booting"; readonly bootBy: number }
  | { readonly name: "serving"; readonly beatBy: number }
  /** Told to finish and leave; its loop still has to run. */
  | { readonly name: "draining"; readonly killAt: number; readonly beatBy: number }
  /** Its loop is stuck: SIGABRT is sent, SIGKILL follows. */
  | { readonly name: "aborting"; readonly killAt: number }
  /** SIGKILL is sent; only its exit is outstanding. */
  | { readonly name: "killed" };

/** Why a worker is on its way out, as metrics tell it: the first reason counts. */
export type Ending =
  | "outdated" // a reload has replaced it
  | "recycled" // it asked for it, or an operator did
  | "surplus"
  | "stopped" // with the whole server
  | "left" // told by a signal of its own
  | "stuck"
  | "memory" // maxMemoryHard
  | "boot"; // it was not ready in time, or could not be

/** Why a worker has ended, also where nobody wanted it to. */
export type Exit = Ending | "killed" | "crashed";

export interface WorkerState {
  readonly id: number;
  readonly slot: number;
  readonly generation: number;
  /** What it was started with, and beats by; a reload does not change it. */
  readonly policy: Policy;
  pid: number | null;
  phase: WorkerPhase;
  readonly spawnedAt: number;
  /** When it became ready; null before. */
  readyAt: number | null;
  /** Why it asked to be replaced; null where it did not. It serves until its replacement does. */
  retiring: string | null;
  ending: Ending | null;
  /** It was told that the server stops soon. */
  announced: boolean;
  /** Why its boot failed; null where it did not. Whatever it says from then on, it will not serve. */
  failed: string | null;
}

/** A reload on its way. `losses` counts the new workers that were ready and then died, left or got stuck. */
export type Rollout =
  /** `paused`: WINCH had dropped all workers, and this reload is to bring them back. */
  | { readonly name: "loading"; readonly since: number; readonly paused: boolean }
  /**
   * The new generation must prove itself; until it has, no old worker is touched. `target` is how many there should
   * be once it has, null where the reload leaves that alone.
   */
  | {
      readonly name: "trying";
      readonly generation: number;
      readonly policy: Policy;
      readonly target: number | null;
      readonly since: number;
      readonly losses: number;
    }
  /** The new generation is in service; outdated workers are replaced one after another. */
  | {
      readonly name: "replacing";
      readonly generation: number;
      readonly since: number;
      readonly losses: number;
    };

export type ArbiterPhase =
  | { readonly name: "starting" }
  | { readonly name: "running" }
  /** Told to stop; it serves on until load balancers have noticed. */
  | { readonly name: "announcing"; readonly drainAt: number }
  | {
      readonly name: "stopping";
      readonly urgency: "graceful" | "quick" | "now";
      readonly killAt: number;
      readonly status: number;
    }
  | { readonly name: "stopped" };

/** Damps a storm of failing workers: see backoff.ts. */
export interface Backoff {
  readonly failures: number;
  readonly lastFailureAt: number;
  /** When `failures` last rose. */
  readonly countedAt: number;
  readonly retryAt: number;
}

export interface ArbiterState {
  phase: ArbiterPhase;
  policy: Policy;
  /** The generation in service. */
  generation: number;
  /** The highest generation ever tried; a number is never used twice. */
  lastGeneration: number;
  /** How many workers there should be: the setting, moved by TTIN, TTOU and WINCH. */
  target: number;
  rollout: Rollout | null;
  /** A HUP came while a reload or the start was on its way: one more follows. */
  reloadWanted: boolean;
  /** WINCH came after the last HUP: no reload brings the workers back. */
  staysDropped: boolean;
  /** Sockets and settings of older generations are still held for workers of theirs. */
  holdsOld: boolean;
  /** The arbiter that this one has started to take its place. */
  upgrade: { readonly name: "starting" } | { readonly name: "running"; readonly pid: number } | null;
  /** The arbiter whose place this one is to take, while that lives. */
  elder: number | null;
  workers: WorkerState[];
  nextId: number;
  backoff: Backoff;
  /** State of the random numbers that jitter is drawn from. */
  seed: number;
  /** When the arbiter last looked around, and when it asked to be woken; a later wake-up means that it was suspended. */
  steppedAt: number;
  wakeAt: number | null;
}

export function initialState(policy: Policy, seed: number, elder: number | null = null): ArbiterState {
  return {
    phase: { name: "starting" },
    policy,
    generation: 1,
    lastGeneration: 1,
    target: policy.workers,
    rollout: null,
    reloadWanted: false,
    staysDropped: false,
    holdsOld: false,
    upgrade: null,
    elder,
    workers: [],
    nextId: 1,
    backoff: {
      failures: 0,
      lastFailureAt: Number.NEGATIVE_INFINITY,
      countedAt: Number.NEGATIVE_INFINITY,
      retryAt: Number.NEGATIVE_INFINITY,
    },
    seed,
    steppedAt: Number.NEGATIVE_INFINITY,
    wakeAt: null,
  };
}

/** How a worker is named in every log line. */
export function nameOf(worker: Pick<WorkerState, "slot" | "generation" | "pid">): string {
  return `worker=${worker.slot} gen=${worker.generation} pid=${worker.pid ?? "none"}`;
}

/** The phase of a worker that was told to leave: one that has served is still watched. */
export function draining({ phase }: WorkerState, killAt: number): WorkerPhase {
  const watched = phase.name === "serving" || phase.name === "draining";
  return { name: "draining", killAt, beatBy: watched ? phase.beatBy : Number.POSITIVE_INFINITY };
}

/** Booting or serving: it counts towards the target. */
export function isLive(worker: WorkerState): boolean {
  return worker.phase.name === "booting" || worker.phase.name === "serving";
}

/** Why a worker has ended: what it was ended for, or what its end shows. */
export function endingOf({ ending, phase }: WorkerState, signal: string | null): Exit {
  if (ending !== null) return ending;
  if (phase.name === "booting") return "boot";
  return signal === null ? "crashed" : "killed";
}

export function isServing(worker: WorkerState): boolean {
  return worker.phase.name === "serving";
}
