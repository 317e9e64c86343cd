// The watchdog's thread: looks at the main thread's vitals, and has told what that does when it can't itself any more.

import { parentPort, workerData } from "node:worker_threads";
import { longestSilence } from "../../ipc/beat.ts";
import { BOOT_INTERVAL, sweepInterval } from "../intervals.ts";
import { readVitals, sharedNow } from "../vitals.ts";
import { judge, type Limits, reported, startWatch } from "./judge.ts";
import { NONE, PEEKS, type WatchMessage, type WatchOrder } from "./order.ts";
import type { Telling } from "./telling.ts";

/** Until then the processor is the application's, which is being loaded. In milliseconds. */
const SETTLED_AFTER = 1_000;

const order: WatchOrder = workerData;
const { config } = order;
const signs = readVitals(order.shared);
const limits: Limits = {
  timeout: longestSilence(config.timeout),
  slow: config.slowRequest * 1_000,
  grace: config.gracefulTimeout * 1_000,
  bootBy: config.bootTimeout === 0 ? Number.POSITIVE_INFINITY : order.startedAt + config.bootTimeout * 1_000,
  interval: sweepInterval(config),
  bootInterval: BOOT_INTERVAL,
};

let booting = true;
let watch = startWatch(sharedNow());
let timer: NodeJS.Timeout | undefined;
let telling: Promise<Telling> | undefined;

/** Long before it is needed, and while its files are those that the server was started with. */
const prepared = (): Promise<Telling> => {
  telling ??= import("./telling.ts").then(({ createTelling }) => {
    // What that took was no stall.
    watch = { ...watch, lookAt: Math.max(watch.lookAt, sharedNow()) };
    return createTelling(order, signs);
  });
  return telling;
};
setTimeout(() => void settle(), SETTLED_AFTER);

async function settle(): Promise<void> {
  const ready = await prepared();
  if (order.descriptors[PEEKS] === NONE) return;
  const { answerPeeks } = await import("../peek.ts");
  answerPeeks(Atomics.exchange(order.descriptors, PEEKS, NONE), ready.look);
}

async function look(): Promise<void> {
  clearTimeout(timer);
  timer = undefined;
  const sight = {
    now: sharedNow(),
    beatAt: signs.beatAt,
    ranAt: signs.ranAt,
    booting,
    orphaned: process.ppid !== order.arbiterPid,
  };
  const verdict = judge(watch, sight, limits);
  watch = verdict.watch;
  if (verdict.prepare) (await prepared()).prepare();
  const slow = verdict.slowBefore === null ? [] : signs.tellSlow(verdict.slowBefore);
  if (verdict.tell !== null || slow.length > 0) {
    await (await prepared()).tell(verdict, slow);
    watch = reported(watch, sight.now, sharedNow());
  }
  if (verdict.kill) process.kill(process.pid, "SIGKILL");
  timer = setTimeout(() => void look(), Math.max(1, watch.lookAt - sharedNow()));
}

parentPort?.on("message", (message: WatchMessage) => {
  if (message === "reopen") void prepared().then((ready) => ready.reopen());
  else {
    booting = false;
    void prepared();
    // Where there is no timer it is looking just now.
    if (timer !== undefined) void look();
  }
});

void look();
