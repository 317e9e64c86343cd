// The server hooks that run in the arbiter. They are told of things and decide nothing: a hook that throws is logged.

import type { ServerInfo, WorkerInfo } from "../config/hook-arguments.ts";
import type { Hooks } from "../config/hooks.ts";
import type { ErrorLog } from "../log/error-log.ts";
import { within } from "../within.ts";
import type { Setup } from "./setup.ts";
import type { ArbiterState, WorkerState } from "./state.ts";

export interface HookRunner {
  server(name: "whenReady" | "onReload", setup: Setup): void;
  preFork(setup: Setup, worker: Pick<WorkerState, "slot" | "generation">): void;
  childExit(worker: WorkerState): void;
  resized(workers: number, before: number | null): void;
  /** The one hook that decides: it rejects where the hook does. */
  preExec(): Promise<void>;
}

/** What hooks are shown is made anew at each call from the present state. */
export function createHookRunner(
  log: ErrorLog,
  present: () => { readonly setup: Setup; readonly state: ArbiterState },
): HookRunner {
  const guarded = (name: keyof Hooks, call: () => unknown): void => {
    const failed = (error: unknown): void => log.exception(`Hook ${name} failed`, error);
    try {
      const result = call();
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
  const server = (setup: Setup = present().setup): ServerInfo => {
    const { state } = present();
    return serverInfo(setup, log, state.generation, state.target);
  };
  const workerInfo = (
    worker: Pick<WorkerState, "slot" | "generation"> & { pid: number | null },
  ): WorkerInfo => ({
    pid: worker.pid ?? 0,
    id: worker.slot,
    generation: worker.generation,
    log,
  });

  return {
    server(name, setup) {
      const hook = setup.resolved.hooks[name];
      if (hook !== undefined) guarded(name, () => hook(server(setup)));
    },
    preFork(setup, worker) {
      const hook = setup.resolved.hooks.preFork;
      if (hook !== undefined) guarded("preFork", () => hook(server(), workerInfo({ ...worker, pid: null })));
    },
    childExit(worker) {
      const hook = present().setup.resolved.hooks.childExit;
      if (hook !== undefined) guarded("childExit", () => hook(server(), workerInfo(worker)));
    },
    async preExec() {
      const { hooks, config } = present().setup.resolved;
      const { preExec } = hooks;
      if (preExec === undefined) return;
      const told = async (): Promise<void> => {
        try {
          await preExec(server());
        } catch (error) {
          log.exception("Hook preExec failed", error);
          throw new Error("its hook preExec failed");
        }
      };
      const { bootTimeout } = config;
      const ended = await (bootTimeout > 0 ? within(bootTimeout * 1_000, told()) : told());
      if (ended === "late") throw new Error("its hook preExec did not end within bootTimeout");
    },
    resized(workers, before) {
      const hook = present().setup.resolved.hooks.nworkersChanged;
      if (hook !== undefined) guarded("nworkersChanged", () => hook(server(), workers, before));
    },
  };
}

export function serverInfo(
  setup: Pick<Setup, "resolved">,
  log: ErrorLog,
  generation: number,
  workers: number,
): ServerInfo {
  return { pid: process.pid, config: setup.resolved.config, generation, workers, log };
}
