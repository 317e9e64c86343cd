// Starts the thread that watches a process's main thread.

import { performance } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import type { Init } from "../ipc/messages.ts";
import { openDescriptor } from "../log/descriptor.ts";
import type { Level } from "../log/level.ts";
import { lineBefore } from "../log/status-line.ts";
import { entryUrl } from "../root.ts";
import { logOrigin, workerName } from "./report.ts";
import { sharedNow, type Vitals } from "./vitals.ts";
import type { WatchMessage, WatchOrder } from "./watchdog/order.ts";

export interface Watchdog {
  /** To be called when the worker is ready. */
  serving(): void;
  /** To be called when the logs are opened anew. */
  reopen(): void;
}

/** To be called before the process gives up its privileges: the error log may be root's. */
export function startWatchdog(
  { config, identity, arbiterPid, peekFd, sharesTerminal }: Init,
  { shared }: Vitals,
  level: Level,
  warn: (message: string) => void,
): Watchdog {
  const opened = openDescriptor(config.errorlog, 2);
  const order: WatchOrder = {
    shared,
    config,
    level: level.shared,
    worker: workerName(identity, process.pid),
    origin: logOrigin(identity, process.pid),
    arbiterPid,
    startedAt: sharedNow() - performance.now(),
    descriptor: "reason" in opened ? 2 : opened.fd,
    before: lineBefore(sharesTerminal, config.errorlog, 2),
    peekFd,
  };
  const thread = new Worker(entryUrl("workers/watchdog/thread"), {
    workerData: order,
    name: "watchdog",
    // Nothing that was meant for the application: preloaded modules, options.
    env: {},
    execArgv: [],
    // The log's descriptor was opened here: Node would warn when the thread closes it.
    trackUnmanagedFds: false,
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 1 },
  });
  thread.unref();
  thread.on("error", (error) => warn(`The watchdog has ended: ${error.message}`));
  const tell = (message: WatchMessage): void => thread.postMessage(message);
  return { serving: () => tell("serving"), reopen: () => tell("reopen") };
}
