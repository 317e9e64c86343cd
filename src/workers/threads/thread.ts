// One serving thread as the process's main thread has it: started, told, ended.

import { Worker } from "node:worker_threads";
import { entryUrl } from "../../root.ts";
import { readVitals, type VitalSigns } from "../vitals.ts";
import type { FromThread, ThreadStart, ToThread } from "./messages.ts";

export type ThreadEnd =
  /** It was told to. */
  | { readonly type: "done" }
  /** For an exception that is in the log already. */
  | { readonly type: "crashed" }
  | { readonly type: "bootFailed"; readonly status: 3 | 4; readonly reason: string }
  /** Node could not go on with it: out of memory, for one. */
  | { readonly type: "failed"; readonly error: unknown }
  /** It was stuck, and was ended. */
  | { readonly type: "terminated" }
  /** Something called process.exit(). */
  | { readonly type: "exited"; readonly code: number };

export interface ThreadEvents {
  message(message: FromThread): void;
  /** The last of all. */
  end(end: ThreadEnd): void;
}

export interface Thread {
  /** From 1. */
  readonly number: number;
  /** Node's number of it. */
  readonly id: number;
  /** The system's number of it; null until it has told, and where that can't be known. */
  readonly task: number | null;
  /** Undefined until it has told. */
  readonly vitals: VitalSigns | undefined;
  tell(message: ToThread): void;
  /** Ends it, whatever it does; what blocks in native code ends when that returns. */
  terminate(): void;
}

export function startThread(start: ThreadStart, events: ThreadEvents): Thread {
  const worker = new Worker(entryUrl("workers/threads/main"), {
    name: `thread ${start.thread}`,
    workerData: start,
    argv: process.argv.slice(2),
  });
  let task: number | null = null;
  let vitals: VitalSigns | undefined;
  let end: ThreadEnd | undefined;

  worker.on("message", (message: FromThread) => {
    if (message.type === "vitals") {
      vitals = readVitals(message.shared);
      task = message.task;
    }
    if (message.type === "done" || message.type === "crashed" || message.type === "bootFailed")
      end ??= message;
    events.message(message);
  });
  worker.on("error", (error) => {
    end ??= { type: "failed", error };
  });
  worker.on("exit", (code) => events.end(end ?? { type: "exited", code }));

  return {
    number: start.thread,
    id: worker.threadId,
    get task() {
      return task;
    },
    get vitals() {
      return vitals;
    },
    tell: (message) => worker.postMessage(message),
    terminate() {
      end ??= { type: "terminated" };
      void worker.terminate();
    },
  };
}
