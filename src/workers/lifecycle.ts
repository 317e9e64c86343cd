// What a worker does about each thing that happens to it. Pure: `worker.ts` performs the actions.

import type { LogLevel } from "../config/config.ts";
import type { TlsMaterial } from "../config/tls-material.ts";
import type { IdlePolicy, Init, ToArbiter } from "../ipc/messages.ts";

export type WorkerState =
  | { readonly name: "waiting" } // for its `init`
  | { readonly name: "booting" }
  /** Some of its threads may serve, others not yet. What is asked of it meanwhile is done when all do. */
  | { readonly name: "opening"; readonly idle: IdlePolicy | null; readonly limit: string | null }
  | { readonly name: "serving" }
  /** It serves on, and has asked to be replaced, since somebody wants it to end. */
  | { readonly name: "parting" }
  | { readonly name: "draining"; readonly idle: IdlePolicy }
  | { readonly name: "gone" };

export type WorkerInput =
  | Init
  | { readonly type: "announce" }
  | { readonly type: "drain"; readonly idle: IdlePolicy }
  | { readonly type: "quit" }
  | { readonly type: "reopenLogs" }
  | { readonly type: "loglevel"; readonly level: LogLevel }
  /** Other certificates to serve with. */
  | { readonly type: "tls"; readonly material: TlsMaterial }
  | { readonly type: "signal"; readonly signal: WorkerSignal }
  /** The channel to the arbiter is closed: it has died. */
  | { readonly type: "orphaned" }
  /** The application is loaded; from here on it may be asked for something. */
  | { readonly type: "opening" }
  /** The gates are open. */
  | { readonly type: "booted" }
  | { readonly type: "bootFailed"; readonly status: 3 | 4; readonly reason: string }
  /** The request limit is reached. */
  | { readonly type: "limit"; readonly reason: string }
  /** None of its threads is left to serve. */
  | { readonly type: "lost"; readonly why: LastThread }
  /** The last connection is done. */
  | { readonly type: "drained" }
  /** An exception that nobody caught. */
  | { readonly type: "crashed"; readonly error: unknown; readonly reason: string };

/** How the last of its threads ceased to serve. */
export type LastThread = "stuck" | "ended";

const STUCK: ToArbiter = { type: "leaving", ending: "stuck", reason: "no thread is left that serves" };

export type WorkerSignal = "SIGTERM" | "SIGINT" | "SIGQUIT" | "SIGABRT" | "SIGUSR1";

export type WorkerAction =
  | { readonly type: "boot"; readonly init: Init }
  | { readonly type: "send"; readonly message: ToArbiter }
  | { readonly type: "beat" }
  /** From now on probes are told that the server stops. */
  | { readonly type: "announce" }
  | { readonly type: "drain"; readonly idle: IdlePolicy }
  /** Nobody is left to end a worker that does not finish: it does so itself, after gracefulTimeout. */
  | { readonly type: "limitDrain" }
  | { readonly type: "reopenLogs" }
  | { readonly type: "loglevel"; readonly level: LogLevel }
  | { readonly type: "tls"; readonly material: TlsMaterial }
  | { readonly type: "hook"; readonly name: "workerInt" | "workerAbort" }
  | { readonly type: "logCrash"; readonly error: unknown }
  /** Calls workerExit, writes the logs, and ends the process. */
  | { readonly type: "exit"; readonly status: number };

export interface WorkerStep {
  readonly state: WorkerState;
  readonly actions: readonly WorkerAction[];
}

export const initialState: WorkerState = { name: "waiting" };

const gone = (...actions: readonly WorkerAction[]): WorkerStep => ({ state: { name: "gone" }, actions });
const stay = (state: WorkerState, ...actions: readonly WorkerAction[]): WorkerStep => ({ state, actions });
const exit = (status: number): WorkerAction => ({ type: "exit", status });
const retire = (reason: string): WorkerAction => ({ type: "send", message: { type: "retire", reason } });

export function step(state: WorkerState, input: WorkerInput): WorkerStep {
  if (state.name === "gone") return stay(state);
  switch (input.type) {
    case "init":
      return state.name === "waiting"
        ? stay({ name: "booting" }, { type: "boot", init: input })
        : stay(state);
    case "opening":
      return state.name === "booting" ? stay({ name: "opening", idle: null, limit: null }) : stay(state);
    case "booted":
      return booted(state);
    case "bootFailed":
      return isUnborn(state) ? gone({ type: "send", message: input }, exit(input.status)) : stay(state);
    case "limit":
      // It serves on until the arbiter has a replacement.
      if (state.name === "serving") return stay(state, retire(input.reason));
      return stay(state.name === "opening" ? { ...state, limit: state.limit ?? input.reason } : state);
    case "announce":
      return stay(state, input);
    case "drain":
      return drain(state, input.idle);
    case "drained":
      return state.name === "draining" ? gone(exit(0)) : stay(state);
    case "lost":
      // A worker that drains is done by that.
      if (state.name !== "serving" && state.name !== "parting") return stay(state);
      if (input.why === "ended") return gone(exit(1));
      // What is stuck may take its time to end, or have to be killed.
      return gone({ type: "send", message: STUCK }, exit(1));
    case "orphaned":
      return orphaned(state);
    case "quit":
      return gone({ type: "hook", name: "workerInt" }, exit(0));
    case "reopenLogs":
      return stay(state, { type: "reopenLogs" });
    case "loglevel":
      return stay(state, input);
    case "tls":
      return stay(state, input);
    case "crashed":
      return crashed(state, input);
    case "signal":
      return signalled(state, input.signal);
  }
}

function booted(state: WorkerState): WorkerStep {
  if (state.name !== "booting" && state.name !== "opening") return stay(state);
  const ready = [{ type: "send", message: { type: "ready" } }, { type: "beat" }] as const;
  if (state.name === "booting") return stay({ name: "serving" }, ...ready);
  const { idle, limit } = state;
  if (idle !== null) return stay({ name: "draining", idle }, ...ready, { type: "drain", idle });
  if (limit === null) return stay({ name: "serving" }, ...ready);
  return stay({ name: limit === TERMINATED ? "parting" : "serving" }, ...ready, retire(limit));
}

/** Nobody has been told that it serves. */
function isUnborn({ name }: WorkerState): boolean {
  return name === "waiting" || name === "booting" || name === "opening";
}

function drain(state: WorkerState, idle: IdlePolicy): WorkerStep {
  // Nothing is in flight before its gates open.
  if (state.name === "waiting" || state.name === "booting") return gone(exit(0));
  // A stop may overtake a reload, never the other way round.
  const told = "idle" in state ? state.idle : null;
  if (told === "close" || (told !== null && idle !== "close")) return stay(state);
  if (state.name === "opening") return stay({ ...state, idle });
  return stay({ name: "draining", idle }, { type: "drain", idle });
}

function orphaned(state: WorkerState): WorkerStep {
  const { state: next, actions } = drain(state, "close");
  return next.name === "gone" ? gone(exit(0)) : stay(next, ...actions, { type: "limitDrain" });
}

function crashed(state: WorkerState, input: WorkerInput & { type: "crashed" }): WorkerStep {
  if (isUnborn(state)) {
    const message = { type: "bootFailed", status: 3, reason: input.reason } as const;
    return gone({ type: "send", message }, exit(3));
  }
  return gone({ type: "logCrash", error: input.error }, exit(1));
}

function signalled(state: WorkerState, signal: WorkerSignal): WorkerStep {
  switch (signal) {
    case "SIGTERM":
      return terminated(state);
    case "SIGINT":
    case "SIGQUIT":
      return gone({ type: "hook", name: "workerInt" }, exit(0));
    case "SIGABRT":
      return gone({ type: "hook", name: "workerAbort" }, exit(1));
    case "SIGUSR1":
      return stay(state, { type: "reopenLogs" });
  }
}

const TERMINATED = "it was sent SIGTERM";

/**
 * The whole process group may have it, as supervisors send it: then the server stops, and only the arbiter knows that what waits in
 * the kernel's queue has nobody else. So it is asked, and who wants it sooner says so again.
 */
function terminated(state: WorkerState): WorkerStep {
  if (state.name === "serving") return stay({ name: "parting" }, retire(TERMINATED));
  if (state.name === "opening" && state.idle === null && state.limit !== TERMINATED)
    return stay({ ...state, limit: TERMINATED });
  const { state: next, actions } = drain(state, "keep");
  const again = state.name === "parting" || (state.name === "opening" && state.idle === null);
  if (!again) return { state: next, actions };
  // The arbiter did not ask for it, and has to know that this is no crash.
  return stay(
    next,
    { type: "send", message: { type: "leaving", ending: "left", reason: "SIGTERM" } },
    ...actions,
  );
}
