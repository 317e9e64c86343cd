// Looks after the serving threads from the process's main thread, as the watchdog's thread does after a process that
// serves itself: a thread that is stuck is told of and ended, a slow request that blocks its thread is told of.

import { performance } from "node:perf_hooks";
import type { Config } from "../../config/config.ts";
import { longestSilence } from "../../ipc/beat.ts";
import type { Identity } from "../../ipc/messages.ts";
import { FREE_LOOP, type LoopView, type PeekAsk } from "../../ipc/peek.ts";
import type { ErrorLog } from "../../log/error-log.ts";
import { duration } from "../../log/in-flight.ts";
import { BOOT_INTERVAL, sweepInterval } from "../intervals.ts";
import { loopView } from "../peek.ts";
import { renderReport, type Stack, slowFirst, slowTitle, workerName } from "../report.ts";
import { type RequestInFlight, sharedNow, type VitalSigns } from "../vitals.ts";
import { hasUserCode } from "../watchdog/frames.ts";
import { early, judge, type Limits, startWatch, type Watch } from "../watchdog/judge.ts";
import { captureThreadStack } from "./capture.ts";
import type { Thread } from "./thread.ts";

/** What a capture may take, in milliseconds; on its way out of the debugger a thread gets half as much more. */
const PATIENCE = 650;
/** And what it may keep the end of a stuck thread waiting, with that. */
const LONGEST = 900;

/** A loop that is free runs its timer more often, in seconds. */
const FREE = 1.5;
const TAKEN = "its stack is being taken for the error log";

export interface ThreadWatchOptions {
  readonly config: Pick<Config, "timeout" | "requestTimeout" | "slowRequest" | "bootTimeout" | "watchdog">;
  readonly identity: Identity;
  readonly log: Pick<ErrorLog, "warning" | "error" | "critical">;
  /** Those to look after. */
  readonly threads: () => readonly Thread[];
  /** Whether they load the application still: then `bootTimeout` counts, not `timeout`. */
  readonly booting: () => boolean;
  /** The thread is stuck, and its block is in the log. */
  readonly end: (thread: Thread) => void;
}

export interface ThreadWatch {
  /** What each thread does just now. */
  peek(ask: Pick<PeekAsk, "what">): Promise<readonly LoopView[]>;
  stop(): void;
}

export function watchThreads(options: ThreadWatchOptions): ThreadWatch {
  const { config, identity, log, threads, booting, end } = options;
  const limits: Limits = {
    timeout: longestSilence(config.timeout),
    slow: config.slowRequest * 1_000,
    // For the arbiter's end, which is the process's concern.
    grace: 0,
    bootBy:
      config.bootTimeout === 0
        ? Number.POSITIVE_INFINITY
        : sharedNow() - performance.now() + config.bootTimeout * 1_000,
    interval: sweepInterval(config),
    bootInterval: BOOT_INTERVAL,
  };
  const watches = new Map<Thread, Watch>();
  /** Threads whose stack is being taken. */
  const examined = new Set<Thread>();
  /** Of those that were going to be stuck, with the beat after which they were silent. */
  const taken = new WeakMap<Thread, { readonly beatAt: number; readonly stack: Stack }>();
  let timer: NodeJS.Timeout | undefined;

  const look = (): void => {
    const now = sharedNow();
    let next = now + 1_000;
    for (const thread of threads()) {
      const { vitals } = thread;
      if (vitals === undefined || examined.has(thread)) {
        // It begins to run, or to be free again, unasked.
        next = Math.min(next, now + BOOT_INTERVAL);
        continue;
      }
      const { beatAt, ranAt } = vitals;
      const sight = { now, beatAt, ranAt, booting: booting(), orphaned: false };
      const verdict = judge(watches.get(thread) ?? startWatch(now), sight, limits);
      watches.set(thread, verdict.watch);
      next = Math.min(next, verdict.watch.lookAt);
      const slow = verdict.slowBefore === null ? [] : vitals.tellSlow(verdict.slowBefore);
      if (verdict.tell === "stuck") {
        void examine(thread, `Thread stuck for ${duration(verdict.silent)}`, "critical");
      } else if (verdict.tell === "boot") {
        void examine(thread, `Boot blocked for ${duration(verdict.silent)}`, "error");
      } else if (slow.length > 0) {
        void examine(thread, slowTitle(slow, now), "warning", slow);
      } else if (verdict.prepare) {
        void prepare(thread, beatAt);
      }
    }
    timer = setTimeout(look, Math.max(10, next - sharedNow())).unref();
  };

  /** A busy machine takes its time, and a stuck thread is to be ended soon. */
  const prepare = async (thread: Thread, beatAt: number): Promise<void> => {
    examined.add(thread);
    const stack = await stackOf(thread, (early(limits) + LONGEST) / 1.5);
    examined.delete(thread);
    taken.set(thread, { beatAt, stack });
  };

  const examine = async (
    thread: Thread,
    what: string,
    level: "warning" | "error" | "critical",
    slow: readonly RequestInFlight[] = [],
  ): Promise<void> => {
    examined.add(thread);
    const now = sharedNow();
    const beatAt = thread.vitals?.beatAt;
    const requests = slowFirst(slow, thread.vitals?.requests() ?? []);
    const count = thread.vitals?.count ?? 0;
    const worker = workerName(identity, process.pid, thread.number);
    const known = level === "critical" ? taken.get(thread) : undefined;
    const stack = known !== undefined && known.beatAt === beatAt ? known.stack : await stackOf(thread);
    examined.delete(thread);
    const report = { worker, now, requests, count };
    if (level !== "critical") return log[level](renderReport({ ...report, what, stack }));
    if (thread.vitals?.beatAt === beatAt) {
      log.critical(renderReport({ ...report, what: `${what}, it is ended`, stack }));
      return end(thread);
    }
    // It came back before it was stopped: it may have the next request by now, and the stack is of that.
    const blocked = now - (beatAt ?? now);
    const free: Stack = { type: "waiting", blocked };
    log.error(renderReport({ ...report, what: `${what}, it runs again`, stack: free }));
  };

  const stackOf = async (thread: Thread, patience = PATIENCE): Promise<Stack> => {
    if (!config.watchdog) return { type: "failed", reason: "the watchdog is off" };
    if (thread.vitals?.inspected === true) return { type: "debugged" };
    return await captureThreadStack(thread.id, thread.task, patience);
  };

  const glance = async (thread: Thread, signs: VitalSigns): Promise<LoopView> => {
    if (examined.has(thread)) return { ...loopView(thread.number, signs, "stack"), stack: [TAKEN] };
    const before = loopView(thread.number, signs, "count");
    // To be stopped it would have to run: up to a second would pass until its timer.
    if (before.count === 0 && before.silent < FREE) return { ...before, stack: [FREE_LOOP] };
    examined.add(thread);
    const stack = await stackOf(thread);
    examined.delete(thread);
    const view = loopView(thread.number, signs, "stack", stack);
    // Its timer has just run, and it was stopped in that, or nowhere.
    const free = view.silent < FREE && !hasUserCode(stack) && stack.type !== "failed";
    return free ? { ...view, stack: [FREE_LOOP] } : view;
  };

  look();
  return {
    peek: ({ what }) =>
      Promise.all(
        threads().flatMap((thread) => {
          const { vitals } = thread;
          if (vitals === undefined) return [];
          const view = what === "stack" ? glance(thread, vitals) : loopView(thread.number, vitals, what);
          return [Promise.resolve(view)];
        }),
      ),
    stop: () => clearTimeout(timer),
  };
}
