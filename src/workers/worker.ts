// Performs what `lifecycle.ts` decides.

import { beatInterval } from "../ipc/beat.ts";
import type { WorkerChannel } from "../ipc/channel.ts";
import type { IdlePolicy, Init } from "../ipc/messages.ts";
import { within } from "../within.ts";
import { type Booted, boot, type Foundation, lay } from "./boot.ts";
import { reasonOf, statusOf } from "./failure.ts";
import type { Inbox } from "./inbox.ts";
import { initialState, step, type WorkerAction, type WorkerInput } from "./lifecycle.ts";
import { watchLimits } from "./limits.ts";
import { catchStrays } from "./strays.ts";

/** What a hook may take while the process is on its way out and nobody gave it longer, in milliseconds. */
const LAST_HOOK = 1_000;
/** What is kept of gracefulTimeout for the process to end in good order, in milliseconds. */
const RESERVE = 1_000;
/** What threads may take to write their logs and to end, in milliseconds: more than they give themselves. */
const LAST_THREADS = 1_500;
/** What logs that go to other hosts may take, in milliseconds. */
const LAST_LINES = 500;
/** What the last message may take when the arbiter does not read, in milliseconds. */
const LAST_MESSAGE = 500;

export function runWorker(inbox: Inbox, channel: WorkerChannel): void {
  let state = initialState;
  /** Actions that take time keep their order. */
  let performed: Promise<void> = Promise.resolve();
  let foundation: Foundation | undefined;
  let booted: Booted | undefined;
  /** When the arbiter ends a worker that drains; in haste, that has been. */
  let drainedBy = 0;

  const crashed = (error: unknown): void => inbox.put({ type: "crashed", error, reason: reasonOf(error) });
  catchStrays(() => booted === undefined, crashed);

  const receive = (input: WorkerInput): void => {
    const next = step(state, input);
    state = next.state;
    for (const action of next.actions) {
      if (action.type === "boot") void start(action.init);
      else performed = performed.then(() => perform(action)).catch(ignore);
    }
  };

  const start = async (init: Init): Promise<void> => {
    try {
      foundation = lay(init);
      booted = await boot(init, foundation, {
        retire: (reason) => inbox.put({ type: "limit", reason }),
        forward: (message) => void channel.send(message),
        lost: (why) => inbox.put({ type: "lost", why }),
        opening: () => inbox.put({ type: "opening" }),
      });
      inbox.put({ type: "booted" });
    } catch (error) {
      inbox.put({ type: "bootFailed", status: statusOf(error), reason: reasonOf(error) });
    }
  };

  const perform = async (action: Exclude<WorkerAction, { type: "boot" }>): Promise<void> => {
    switch (action.type) {
      case "send":
        return void (await within(LAST_MESSAGE, channel.send(action.message)));
      case "beat":
        return beat();
      case "announce":
        return foundation?.leave.announce();
      case "drain":
        return drain(action.idle);
      case "limitDrain":
        return limitDrain();
      case "reopenLogs":
        return foundation?.reopen();
      case "loglevel":
        return foundation?.level.set(action.level);
      case "tls":
        return foundation?.tls?.renew(action.material);
      case "hook":
        drainedBy = 0;
        return void (await within(LAST_HOOK, booted?.hooks[action.name]()));
      case "logCrash":
        drainedBy = 0;
        return foundation?.log.exception("Uncaught exception, the worker ends", action.error);
      case "exit":
        await lastHook();
        await within(LAST_THREADS, stop());
        await within(LAST_LINES, foundation?.flush());
        return process.exit(action.status);
    }
  };

  const beat = (): void => {
    if (foundation === undefined) return;
    const { config, pulse, watchdog } = foundation;
    pulse.serving();
    watchdog?.serving();
    const retire = (reason: string): void => inbox.put({ type: "limit", reason });
    watchLimits({ config, random: Math.random, rss: process.memoryUsage.rss, retire });
    const beats = config.timeout > 0;
    const weighs = config.maxMemoryHard > 0;
    if (!beats && !weighs) return;
    const send = (): void => {
      if (beats) pulse.beat();
      void channel.send(weighs ? { type: "beat", rss: process.memoryUsage.rss() } : { type: "beat" });
    };
    setInterval(send, Math.min(1_000, beatInterval(config.timeout))).unref();
  };

  const lastHook = async (): Promise<void> => {
    const patience = Math.max(LAST_HOOK, drainedBy - RESERVE - performance.now());
    if ((await within(patience, booted?.hooks.workerExit())) === "late")
      foundation?.log.warning("Hook workerExit takes too long, the worker ends without its end");
  };

  const drain = (idle: IdlePolicy): void => {
    drainedBy ||= performance.now() + (foundation?.config.gracefulTimeout ?? 0) * 1_000;
    // With `keep` others serve on at the same address: it is this worker that goes, not the service.
    if (idle === "close") foundation?.leave.announce();
    const drained = async (): Promise<void> => await booted?.serving.drain(idle);
    drained().then(() => inbox.put({ type: "drained" }), crashed);
  };

  /** A worker class of the user's own may fail in it: the process ends all the same. */
  const stop = async (): Promise<void> => {
    try {
      await booted?.serving.stop();
    } catch (error) {
      foundation?.log.exception("The worker's stop() failed", error);
    }
  };

  const limitDrain = (): void => {
    foundation?.log.warning(`The arbiter is gone: worker ${process.pid} finishes what it has and ends`);
    const most = (foundation?.config.gracefulTimeout ?? 0) * 1_000;
    setTimeout(() => inbox.put({ type: "drained" }), most).unref();
  };

  inbox.attach(receive);
}

const ignore = (): void => undefined;
