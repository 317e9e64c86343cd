// A worker process whose threads serve, from the main thread's side. The main thread runs nothing of the user's but
// the hooks of the process, so that it can always answer the arbiter and see which thread no longer can.

import { EventEmitter, once } from "node:events";
import type { Init } from "../../ipc/messages.ts";
import { describeError } from "../../log/stack.ts";
import { within } from "../../within.ts";
import type { Foundation, Told } from "../boot.ts";
import type { Serving } from "../contract.ts";
import { bootFailure } from "../failure.ts";
import { answerPeeks } from "../peek.ts";
import type { FromThread, ToThread } from "./messages.ts";
import { startThread, type Thread, type ThreadEnd } from "./thread.ts";
import { watchThreads } from "./watch.ts";

/** What a thread may take to end when it is told to stop at once, in milliseconds. */
const LAST_WORDS = 900;
/** And what it may take, after that, to be ended: a busy machine takes a while. In milliseconds. */
const LAST_BREATH = 500;

type Phase = "loading" | "serving" | "draining" | "stopping";

/**
 * Starts the threads and resolves when all of them serve. Rejects, with what the first has told, where one can't: none
 * has opened its gates then.
 */
export async function serveInThreads(init: Init, foundation: Foundation, told: Told): Promise<Serving> {
  const { config, log, outlets } = foundation;
  /** Those that have not ended. */
  const alive = new Set<Thread>();
  /** Those that serve or will: a stuck one is alive but no longer counted on. */
  const counted = new Set<Thread>();
  let phase: Phase = "loading";
  const changes = new EventEmitter();
  const reached = { loaded: 0, serving: 0 };

  const tellAll = (message: ToThread): void => {
    for (const thread of counted) thread.tell(message);
  };

  const hear = (message: FromThread): void => {
    switch (message.type) {
      case "loaded":
      case "serving":
        reached[message.type]++;
        return void changes.emit("change");
      case "lines": {
        const outlet = outlets[message.log];
        for (const line of message.lines) outlet?.write(line);
        // The thread has gathered them already.
        return outlet?.flush();
      }
      case "retire":
        return told.retire(message.reason);
      case "forward":
        return told.forward(message.message);
    }
  };

  /** The thread serves no more, though it may take its time to end. */
  const discount = (thread: Thread, end: ThreadEnd["type"]): void => {
    if (!counted.delete(thread)) return;
    changes.emit("change");
    if (phase !== "serving") return;
    if (counted.size === 0) told.lost(end === "terminated" ? "stuck" : "ended");
    else told.retire(`thread ${thread.number} ${WHY[end]}`);
  };

  let failure: Error | undefined;
  const ended = (thread: Thread, end: ThreadEnd): void => {
    alive.delete(thread);
    if (phase === "loading") failure ??= bootFailureOf(thread, end);
    else if (end.type === "exited" && phase !== "stopping") {
      log.error(
        `Thread ${thread.number} of the worker exited with code ${end.code}: process.exit() ends the thread it is called in`,
      );
    } else if (end.type === "failed")
      log.exception(`Thread ${thread.number} of the worker failed`, end.error);
    discount(thread, end.type);
    changes.emit("change");
  };

  const until = async (reachedIt: () => boolean): Promise<void> => {
    while (!reachedIt()) await once(changes, "change");
  };

  const requests = new SharedArrayBuffer(4);
  const jitter = Math.random();
  const level = foundation.level.shared;
  const leave = foundation.leave.shared;
  for (let number = 1; number <= config.threads; number++) {
    const listeners = init.listeners.map(({ fd, copies, ...rest }) => ({
      fd: number === 1 ? fd : copyOf(copies, number),
      copies: [],
      ...rest,
    }));
    const thread = startThread(
      { init, thread: number, listeners, level, leave, requests, jitter },
      { message: hear, end: (end) => ended(thread, end) },
    );
    alive.add(thread);
    counted.add(thread);
  }
  foundation.tls?.onRenewal(() => {
    if (foundation.tls !== undefined) tellAll({ type: "tls", material: foundation.tls.material });
  });
  // Otherwise an exit would wait for a thread that is blocked in native code.
  process.on("exit", () => {
    if (alive.size > 0 && phase === "stopping") process.kill(process.pid, "SIGKILL");
  });

  const watch = watchThreads({
    config,
    log,
    identity: init.identity,
    threads: () => [...counted],
    booting: () => phase === "loading",
    end(thread) {
      foundation.counting?.threadEnded();
      discount(thread, "terminated");
      thread.terminate();
    },
  });

  if (init.peekFd !== null) answerPeeks(init.peekFd, watch.peek);

  await until(() => failure !== undefined || reached.loaded === config.threads);
  if (failure === undefined) {
    told.opening();
    tellAll({ type: "serve" });
    await until(() => failure !== undefined || reached.serving === config.threads);
  }
  if (failure !== undefined) throw failure;
  phase = "serving";

  return {
    async drain(idle) {
      if (phase === "serving") phase = "draining";
      tellAll({ type: "drain", idle });
      await until(() => counted.size === 0);
    },
    async stop() {
      phase = "stopping";
      watch.stop();
      tellAll({ type: "stop" });
      const allEnded = until(() => alive.size === 0);
      if ((await within(LAST_WORDS, allEnded)) !== "late") return;
      for (const thread of alive) thread.terminate();
      if ((await within(LAST_BREATH, allEnded)) !== "late") return;
      const numbers = [...alive].map(({ number }) => number).join(" and ");
      log.warning(`Thread ${numbers} does not end: the worker ends itself by SIGKILL`);
    },
  };
}

/** Each thread needs its own: the end of one closes its descriptors. */
function copyOf(copies: readonly number[], number: number): number {
  const copy = copies[number - 2];
  if (copy === undefined) throw new Error(`there is no listening descriptor for thread ${number}`);
  return copy;
}

const WHY: Readonly<Record<ThreadEnd["type"], string>> = {
  done: "has ended",
  crashed: "has crashed",
  bootFailed: "did not start",
  failed: "has failed",
  terminated: "was stuck",
  exited: "has exited",
};

function bootFailureOf(thread: Thread, end: ThreadEnd): Error {
  const name = `thread ${thread.number}`;
  switch (end.type) {
    case "bootFailed":
      return bootFailure(end.status, end.reason);
    case "failed":
      return bootFailure(3, `${name} failed: ${describeError(end.error)}`);
    case "exited":
      return bootFailure(
        3,
        `${name} exited with code ${end.code} while it started: who called process.exit()?`,
      );
    default:
      return bootFailure(3, `${name} ${WHY[end.type]}`);
  }
}
