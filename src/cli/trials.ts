// The threads that try a configuration file, for who ends the process: it would wait for each of them at its exit, and nothing but
// its own death ends one that is blocked in native code.

import type { Worker } from "node:worker_threads";
import { within } from "../within.ts";

/** What threads may take to be ended: a busy machine takes a while. In milliseconds. */
const LAST_BREATH = 500;

export interface Trials {
  begun(thread: Worker): void;
  /** Whether `end` was called: what a thread comes to no longer tells anything of its file. */
  readonly over: boolean;
  /** Ends what is left of them. False where one does not end: then the process's exit is a SIGKILL to itself. */
  end(): Promise<boolean>;
}

export function createTrials(): Trials {
  /** Those that have not ended, whatever they were told. */
  const alive = new Set<Worker>();
  let over = false;
  return {
    get over() {
      return over;
    },
    begun(thread) {
      alive.add(thread);
      thread.once("exit", () => alive.delete(thread));
    },
    async end() {
      over = true;
      const ended = Promise.all([...alive].map((thread) => thread.terminate()));
      if (alive.size === 0 || (await within(LAST_BREATH, ended)) !== "late") return true;
      process.once("exit", () => {
        if (alive.size > 0) process.kill(process.pid, "SIGKILL");
      });
      return false;
    },
  };
}
