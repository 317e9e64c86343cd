// Whether a configuration file comes to an end at all. A reload reads it in the arbiter, and code that never returns would leave
// nobody there to hear a signal. So a thread reads it before, which can be ended.

import { Worker } from "node:worker_threads";
import { isCode } from "../config/file.ts";
import { shownPath } from "../config/shown-path.ts";
import { serverError } from "../errors.ts";
import { entryUrl } from "../root.ts";
import type { Trials } from "./trials.ts";

export interface TrialOrder {
  readonly path: string;
  readonly cwd: string;
}

export interface TrialWatch {
  readonly trials: Trials;
  /** The thread has started, and so has the file's time. */
  readonly begun: () => void;
}

/**
 * What else is wrong with the file is told by who reads it in earnest.
 * @param seconds What it may take; 0 is for ever, and then it is not tried.
 * @throws CONFIG_SLOW
 */
export async function tryFile(order: TrialOrder, seconds: number, watch: TrialWatch): Promise<void> {
  const { trials, begun } = watch;
  if (seconds === 0 || !isCode(order.path)) return;
  // The process ends, and would wait for a thread that nobody told to.
  if (trials.over) return await new Promise<never>(() => undefined);
  const thread = new Worker(entryUrl("cli/trial-thread"), {
    workerData: order,
    name: "configuration",
    // What it prints would be printed twice.
    stdout: true,
    stderr: true,
  });
  trials.begun(thread);
  const { path, cwd } = order;
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const late = (): void => reject(serverError("CONFIG_SLOW", { path: shownPath(path, cwd), seconds }));
      // What a busy machine takes to start the thread is not the file's time.
      thread.on("online", () => {
        timer = setTimeout(late, seconds * 1_000);
        begun();
      });
      // After the end nobody is to read the file in earnest.
      for (const event of ["message", "error", "exit"]) thread.on(event, () => trials.over || resolve());
    });
  } finally {
    clearTimeout(timer);
    void thread.terminate();
  }
}
