// The JavaScript stack of the process's main thread, taken from another thread through the inspector, which reaches
// also code that never returns: V8 lets it in at loops, at calls, within regular expressions and in Atomics.wait.
// https://nodejs.org/docs/latest-v20.x/api/inspector.html#sessionconnecttomainthread

import fs from "node:fs";
import inspector from "node:inspector";
import type { Stack } from "../report.ts";
import { type CallFrame, readableFrames, type Scripts } from "./frames.ts";
import { systemCall } from "./system-call.ts";

interface Paused {
  readonly frames: readonly CallFrame[];
  readonly scripts: Scripts;
}

/** In milliseconds. */
export interface Patience {
  /** For a thread that is asleep: in native code, or with nothing to do. */
  readonly asleep: number;
  /** For one that computes: it may have had no processor yet to answer on. */
  readonly awake: number;
}

/**
 * Resolves soon after `patience`, however the main thread is stuck. Its code is stopped for some 20 ms. `idle` stands for a thread that
 * answers, and runs no JavaScript to be stopped in.
 */
export async function captureStack(patience: Patience, idle?: Stack): Promise<Stack> {
  const session = new inspector.Session();
  const asked = performance.now();
  try {
    session.connectToMainThread();
  } catch (error) {
    return { type: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
  const paused = await pause(session, patience);
  session.disconnect();
  if (paused === "idle" && idle !== undefined) return idle;
  if (paused === null || paused === "idle") return { type: "native", doing: systemCall(process.pid) };
  return { type: "frames", frames: readableFrames(paused.frames, paused.scripts, asked) };
}

/**
 * Null where nothing answers: native code does so when it returns, which is too late, and what was asked for is withdrawn
 * by the disconnection. So it is asked first for next to nothing: who answers that is stopped, however long a busy
 * machine takes to list all scripts. Nobody is asked to stop who has not answered at all.
 */
function pause(session: inspector.Session, { asleep, awake }: Patience): Promise<Paused | "idle" | null> {
  const scripts: Scripts = new Map();
  const began = performance.now();
  return new Promise((resolve) => {
    let answers = false;
    let late = setTimeout(look, asleep);
    function look(): void {
      const waited = performance.now() - began;
      // Who answers is about to stop, also if it sleeps just now.
      const comes = computes() || (answers && waited < asleep * 1.5);
      if (comes && waited < awake) late = setTimeout(look, Math.min(asleep / 2, awake - waited));
      else resolve(answers ? "idle" : null);
    }
    session.on("Debugger.scriptParsed", ({ params }) => {
      scripts.set(params.scriptId, params.url);
    });
    session.on("Debugger.paused", ({ params }) => {
      clearTimeout(late);
      session.post("Debugger.resume");
      session.post("Debugger.disable", () => resolve({ frames: params.callFrames, scripts }));
    });
    session.post("Schema.getDomains", (error) => {
      // The disconnection answers as well, with an error.
      if (error !== null) return;
      answers = true;
      session.post("Debugger.enable");
      session.post("Debugger.pause");
    });
  });
}

/** Whether the main thread has something to run. Known on Linux alone. */
function computes(): boolean {
  try {
    const stat = fs.readFileSync(`/proc/self/task/${process.pid}/stat`, "latin1");
    return stat.startsWith("R", stat.lastIndexOf(")") + 2);
  } catch {
    return false;
  }
}
