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
import { DESCRIPTOR, NONE, PEEKS, type WatchMessage, type WatchOrder } from "./watchdog/order.ts";

export interface Watchdog {
  /** To be called when the worker is ready. */
  serving(): void;
  /** To be called when the logs are opened anew. */
  reopen(): void;
}

/** Who ends so soon after its start, in milliseconds, does so again; after so many in a row none is started any more. */
const SOON = 60_000;
const MOST_SOON = 3;

/** What is used of an `init`. */
type Watched = Pick<Init, "identity" | "arbiterPid" | "peekFd" | "sharesTerminal"> & {
  readonly config: WatchOrder["config"];
};

/** To be called before the process gives up its privileges: the error log may be root's. */
export function startWatchdog(
  { config, identity, arbiterPid, peekFd, sharesTerminal }: Watched,
  { shared }: Pick<Vitals, "shared">,
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
    descriptors: new Int32Array(new SharedArrayBuffer(8)),
    before: lineBefore(sharesTerminal, config.errorlog, 2),
  };
  order.descriptors[DESCRIPTOR] = "reason" in opened ? 2 : opened.fd;
  order.descriptors[PEEKS] = peekFd ?? NONE;
  let serves = false;
  let startedAt = 0;
  let endedSoon = 0;

  const start = (): Worker => {
    startedAt = performance.now();
    const thread = new Worker(entryUrl("workers/watchdog/thread"), {
      workerData: order,
      name: "watchdog",
      // Nothing that was meant for the application: preloaded modules, options.
      env: {},
      execArgv: [],
      // The log's descriptor was opened here: Node would warn when the thread closes it. So it outlives the thread, too.
      trackUnmanagedFds: false,
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 1 },
    });
    thread.unref();
    thread.on("error", replace);
    if (serves) thread.postMessage("serving" satisfies WatchMessage);
    return thread;
  };

  const replace = ({ message }: Error): void => {
    const ended = `The watchdog has ended: ${message}`;
    endedSoon = performance.now() - startedAt < SOON ? endedSoon + 1 : 0;
    if (endedSoon === MOST_SOON) {
      return warn(
        `${ended}. That is the third time, soon after its start: from now on nothing tells why the worker is stuck`,
      );
    }
    try {
      thread = start();
      const deaf =
        order.descriptors[PEEKS] === (peekFd ?? NONE)
          ? ""
          : ", which the arbiter can't ask what the worker does";
      warn(`${ended}. Another one is started${deaf}`);
    } catch (error) {
      warn(
        `${ended}. No other one can be started: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };

  let thread = start();
  return {
    serving() {
      serves = true;
      thread.postMessage("serving" satisfies WatchMessage);
    },
    reopen() {
      thread.postMessage("reopen" satisfies WatchMessage);
    },
  };
}
