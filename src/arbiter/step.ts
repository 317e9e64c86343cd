// The arbiter as a pure function: record the fact, then always reconcile what is with what should be.
// Level-triggered: a lost, repeated or reordered event cannot wedge it. Modelled on etcd-io/raft and quinn-proto.

import { afterFailure, HEALTHY_AFTER, nextRandom } from "./backoff.ts";
import type { Effect, Event, Level, Policy } from "./events.ts";
import { reconcile } from "./reconcile.ts";
import { awaitChange, countLoss, failRollout, newGeneration } from "./rollout.ts";
import { type ArbiterState, draining, isLive, isServing, nameOf, type WorkerState } from "./state.ts";
import { beginStop, isStopping, QUICK_STOP, stop } from "./stop.ts";
import { recordUpgrade } from "./upgrade.ts";

/** A wake-up this much later than asked, in milliseconds, means a suspended machine, or a stopped or busy arbiter. */
const STALLED_AFTER = 200;
/** The longest time without a look around, in milliseconds: it bounds what a suspension can hide. */
const LONGEST_SLEEP = 1_000;

export interface Step {
  readonly state: ArbiterState;
  readonly effects: readonly Effect[];
  /** When to send the next `tick` at the latest; null once stopped. */
  readonly wakeAt: number | null;
}

export function step(before: ArbiterState, event: Event, now: number): Step {
  const state: ArbiterState = { ...before, workers: before.workers.map((worker) => ({ ...worker })) };
  const effects: Effect[] = [];
  forgiveStall(state, now);
  record(state, event, now, effects);
  reconcile(state, now, effects);
  state.steppedAt = now;
  state.wakeAt = wakeAt(state, now);
  return { state, effects, wakeAt: state.wakeAt };
}

/**
 * Nobody is judged for time that passed while the arbiter itself was not running. When the stall began is unknown, so
 * everyone gets back what was left at the last look around: beats that wait in the channel are then read in time.
 */
function forgiveStall(state: ArbiterState, now: number): void {
  if (state.wakeAt === null || now - state.wakeAt < STALLED_AFTER) return;
  const late = now - state.steppedAt;
  for (const worker of state.workers) {
    const phase = worker.phase;
    if (phase.name === "booting") worker.phase = { name: "booting", bootBy: phase.bootBy + late };
    else if (phase.name === "serving") worker.phase = { name: "serving", beatBy: phase.beatBy + late };
    else if (phase.name === "draining")
      worker.phase = { ...phase, killAt: phase.killAt + late, beatBy: phase.beatBy + late };
    else if (phase.name === "aborting") worker.phase = { name: "aborting", killAt: phase.killAt + late };
  }
  if (state.phase.name === "stopping") state.phase = { ...state.phase, killAt: state.phase.killAt + late };
  if (state.phase.name === "announcing")
    state.phase = { name: "announcing", drainAt: state.phase.drainAt + late };
}

function record(state: ArbiterState, event: Event, now: number, effects: Effect[]): void {
  const log = (level: Level, message: string): void => void effects.push({ type: "log", level, message });
  switch (event.type) {
    case "start":
      effects.push({ type: "resized", workers: state.target, before: null });
      return;
    case "tick":
      return;
    case "stop":
      return stop(state, event.quick, now, effects);
    case "reload":
      // Also where it can't begin any more: who waits for its end is told at the stop.
      if (!isStopping(state)) {
        state.reloadWanted = true;
        state.staysDropped = false;
      }
      if (isStopping(state) || state.phase.name === "announcing")
        log("warning", "Reload ignored: the arbiter is stopping");
      return;
    case "more":
      return resize(state, (workers) => workers + 1, effects);
    case "fewer":
      if (state.target <= 1) log("warning", "TTOU ignored: one worker is the least; WINCH drops them all");
      else resize(state, (workers) => Math.max(0, workers - 1), effects);
      return;
    case "scale":
      return resize(state, () => event.workers, effects);
    case "pause":
      state.staysDropped = true;
      return resize(state, () => 0, effects);
    case "reopen":
      effects.push({ type: "reopenLogs" });
      return;
    case "upgrade":
    case "upgradeSpawned":
    case "upgradeFailed":
    case "upgradeExited":
    case "promoted":
      return recordUpgrade(state, event, effects);
    case "configured":
      return configured(state, event.policy, now, effects);
    case "configFailed":
      if (state.rollout?.name === "loading") failRollout(state, event.reason, now, effects);
      return;
    default:
      return recordWorker(state, event, now, effects);
  }
}

type WorkerEvent = Extract<Event, { readonly id: number }>;

function recordWorker(state: ArbiterState, event: WorkerEvent, now: number, effects: Effect[]): void {
  const worker = state.workers.find((candidate) => candidate.id === event.id);
  if (worker === undefined) return; // already reaped: a late message of the dead
  const log = (level: Level, message: string): void => void effects.push({ type: "log", level, message });
  switch (event.type) {
    case "spawned":
      worker.pid = event.pid;
      log("info", `Booting ${nameOf(worker)}`);
      return;
    case "ready":
      return ready(state, worker, now, effects);
    case "beat":
      if (worker.phase.name === "serving" || worker.phase.name === "draining") {
        worker.phase = { ...worker.phase, beatBy: now + watched(worker.policy.timeout) };
      }
      return limitMemory(state, worker, event.rss ?? 0, now, effects);
    case "bootFailed":
      if (worker.phase.name !== "booting") return;
      worker.failed = event.reason;
      worker.ending ??= "boot";
      worker.phase = draining(worker, now + QUICK_STOP);
      bootFailed(state, worker, event.status, event.reason, now, effects);
      return;
    case "retire":
      if (!isServing(worker) || worker.retiring !== null) return;
      worker.retiring = event.reason;
      log("info", `Recycling ${nameOf(worker)}: ${event.reason}`);
      return;
    case "leaving":
      if (!isLive(worker) || worker.failed !== null) return;
      log("info", `Leaving ${nameOf(worker)}: ${event.reason}`);
      worker.ending ??= event.ending;
      worker.phase = draining(worker, now + worker.policy.gracefulTimeout);
      lost(state, worker, now, effects);
      return;
    case "exited":
      return exited(state, worker, event.code, event.signal, now, effects);
  }
}

function ready(state: ArbiterState, worker: WorkerState, now: number, effects: Effect[]): void {
  const { phase, policy } = worker;
  // Ready at last, but its SIGKILL is under way.
  if (worker.failed !== null || worker.readyAt !== null) return;
  const beatBy = now + watched(policy.timeout);
  if (phase.name === "booting") worker.phase = { name: "serving", beatBy };
  else if (phase.name === "draining") {
    // It served when it was told to go, though nobody knew: it has the time to finish that others have.
    const stopBy = state.phase.name === "stopping" ? state.phase.killAt : Number.POSITIVE_INFINITY;
    const killAt = Math.max(phase.killAt, Math.min(now + policy.gracefulTimeout, stopBy));
    worker.phase = { name: "draining", killAt, beatBy };
  } else return;
  worker.readyAt = now;
  effects.push({ type: "log", level: "debug", message: `Ready ${nameOf(worker)}` });
}

function exited(
  state: ArbiterState,
  worker: WorkerState,
  code: number | null,
  signal: string | null,
  now: number,
  effects: Effect[],
): void {
  state.workers = state.workers.filter((other) => other !== worker);
  const log = (level: Level, message: string): void => void effects.push({ type: "log", level, message });
  const how = signal !== null ? `was ended by ${signal}` : `exited with code ${code ?? "unknown"}`;
  const phase = worker.phase.name;
  if (phase === "booting") {
    const reason = worker.failed ?? `${nameOf(worker)} ${how} while booting`;
    bootFailed(state, worker, code === 4 ? 4 : 3, reason, now, effects);
  } else if (phase === "serving") {
    const hint = signal === "SIGKILL" ? " Perhaps out of memory?" : "";
    log("error", `Worker died: ${nameOf(worker)} ${how}.${hint}`);
    lost(state, worker, now, effects);
  } else if (phase === "draining" && worker.failed === null && (signal !== null || code !== 0)) {
    log("warning", `Worker left: ${nameOf(worker)} ${how}`);
  } else {
    log("info", `Worker exited: ${nameOf(worker)}`);
  }
}

/** A worker that did not boot. The first start gives up, a reload is abandoned, anything later backs off. */
function bootFailed(
  state: ArbiterState,
  worker: WorkerState,
  status: 3 | 4,
  reason: string,
  now: number,
  effects: Effect[],
): void {
  const log = (level: Level, message: string): void => void effects.push({ type: "log", level, message });
  if (isStopping(state)) return;
  if (state.phase.name === "starting" && state.rollout === null) {
    log("error", reason);
    if (state.policy.awaitChange) return awaitChange(state, now, effects);
    log("info", "Shutting down: arbiter");
    log("info", `Reason: ${status === 4 ? "App failed to load." : "Worker failed to boot."}`);
    beginStop(state, "quick", status, now, effects);
    return;
  }
  const isNew = worker.generation === newGeneration(state);
  if (isNew && state.rollout?.name === "trying") return failRollout(state, reason, now, effects);
  log("error", `Worker failed to boot: ${reason}`);
  countFailure(state, worker, now, effects);
  // What has booted once may fail for a moment: another is tried, so that no mixed fleet is left for that.
  if (isNew) countLoss(state, worker, now, effects, reason);
}

/** A worker died or left unasked. One after a healthy life is replaced at once, one after a short life with back-off. */
function lost(state: ArbiterState, worker: WorkerState, now: number, effects: Effect[]): void {
  if (isStopping(state)) return;
  if (now - (worker.readyAt ?? now) < HEALTHY_AFTER) countFailure(state, worker, now, effects);
  countLoss(state, worker, now, effects);
}

/** Spares nobody: the machine and the other workers are at stake. */
function limitMemory(
  state: ArbiterState,
  worker: WorkerState,
  rss: number,
  now: number,
  effects: Effect[],
): void {
  const most = worker.policy.maxMemoryHard;
  const served = isServing(worker);
  if (most === 0 || rss <= most || !(served || worker.phase.name === "draining")) return;
  const message = `Killing ${nameOf(worker)}: it uses ${megabytes(rss)} of memory, and maxMemoryHard is ${megabytes(most)}`;
  effects.push({ type: "log", level: "error", message });
  effects.push({ type: "kill", id: worker.id, signal: "SIGKILL" });
  worker.phase = { name: "killed" };
  worker.ending ??= "memory";
  if (served) lost(state, worker, now, effects);
}

const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`;

function countFailure(state: ArbiterState, worker: WorkerState, now: number, effects: Effect[]): void {
  const [random, seed] = nextRandom(state.seed);
  const { failures: before } = state.backoff;
  state.seed = seed;
  state.backoff = afterFailure(state.backoff, worker.spawnedAt, now, random);
  const { failures, retryAt } = state.backoff;
  if (failures === before) return;
  const seconds = ((retryAt - now) / 1_000).toFixed(1);
  const message = `The next worker is tried in ${seconds} s: ${failures} failure(s) in a row`;
  effects.push({ type: "log", level: "info", message });
}

function configured(state: ArbiterState, policy: Policy, now: number, effects: Effect[]): void {
  if (state.rollout?.name !== "loading") {
    // A stop or a second answer overtook it: what was opened for it is closed again.
    effects.push({ type: "abandon", generation: state.lastGeneration + 1 });
    return;
  }
  const generation = state.lastGeneration + 1;
  state.lastGeneration = generation;
  effects.push({ type: "hook", name: "onReload" });
  const { since, paused } = state.rollout;
  // TTIN and TTOU survive a reload that leaves `workers` alone; so does a WINCH that came after the HUP.
  const revived = paused && !state.staysDropped;
  const moves = revived || (policy.workers !== state.policy.workers && state.target > 0);
  const target = moves ? policy.workers : null;
  state.rollout = { name: "trying", generation, policy, target, since, losses: 0 };
  state.backoff = { ...state.backoff, failures: 0, retryAt: now };
}

function resize(state: ArbiterState, resized: (workers: number) => number, effects: Effect[]): void {
  if (isStopping(state)) return;
  const rollout = state.rollout;
  // What is on trial is moved as well, so that the command outlives the trial however that ends.
  if (rollout?.name === "trying" && rollout.target !== null) {
    state.rollout = { ...rollout, target: resized(rollout.target) };
  }
  const target = resized(state.target);
  if (target === state.target) return;
  effects.push({ type: "resized", workers: target, before: state.target });
  state.target = target;
}

/** A timeout of 0 means that nothing is watched. */
function watched(timeout: number): number {
  return timeout === 0 ? Number.POSITIVE_INFINITY : timeout;
}

function wakeAt(state: ArbiterState, now: number): number | null {
  if (state.phase.name === "stopped") return null;
  let at = now + LONGEST_SLEEP;
  for (const { phase } of state.workers) {
    if (phase.name === "booting") at = Math.min(at, phase.bootBy);
    else if (phase.name === "serving") at = Math.min(at, phase.beatBy);
    else if (phase.name !== "killed") at = Math.min(at, phase.killAt);
    if (phase.name === "draining") at = Math.min(at, phase.beatBy);
  }
  if (state.phase.name === "announcing") at = Math.min(at, state.phase.drainAt);
  if (state.backoff.retryAt > now) at = Math.min(at, state.backoff.retryAt);
  return at;
}
