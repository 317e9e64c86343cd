// The entry of every serving thread.

import { parentPort, workerData } from "node:worker_threads";
import { importModule } from "../../interfaces/loader/import.ts";
import type { Destination } from "../../log/destination.ts";
import { levelIn } from "../../log/level.ts";
import { relayDestination } from "../../log/relay.ts";
import type { Serving } from "../contract.ts";
import { startCounting } from "../counting.ts";
import { reasonOf, statusOf } from "../failure.ts";
import { readHooks, workerHooks } from "../hooks.ts";
import { leaveIn } from "../leave.ts";
import { createLogs, type OutletName } from "../logs.ts";
import { prepare } from "../prepare.ts";
import { startPulse } from "../pulse.ts";
import { loadWorkerKind } from "../registry.ts";
import { logOrigin, workerName } from "../report.ts";
import { catchStrays } from "../strays.ts";
import { createTlsFeed } from "../tls.ts";
import { ownTask } from "../watchdog/system-call.ts";
import type { FromThread, ThreadStart, ToThread } from "./messages.ts";

const port = parentPort;
if (port === null) throw new Error("this file is for a thread of a worker");
const start: ThreadStart = workerData;
const { init, thread } = start;
const { config } = init;

const tell = (message: FromThread): void => port.postMessage(message);
const relay = (log: OutletName): Destination =>
  relayDestination((lines) => tell({ type: "lines", log, lines }));
const origin = logOrigin(init.identity, process.pid, thread);
const logs = createLogs(config, levelIn(start.level), origin, {
  error: relay("error"),
  access: config.accesslog === null ? null : relay("access"),
  syslog: config.syslog ? relay("syslog") : null,
  statsd: config.statsdHost === null ? null : relay("statsd"),
});
const { log } = logs;
const counting = init.ledgerFd === null ? undefined : startCounting(init.ledgerFd, thread, logs.lost);
const pulse = startPulse({
  config,
  log,
  worker: workerName(init.identity, process.pid, thread),
  watched: true,
  beatsAlone: true,
  timedOut: counting?.timedOut,
});
if (pulse.vitals !== undefined) tell({ type: "vitals", shared: pulse.vitals.shared, task: ownTask() });

const tls = init.tls === null ? undefined : createTlsFeed(init.tls);
let serve: (() => Promise<Serving>) | undefined;
let serving: Serving | undefined;

/** Ends the thread alone. Its logs are handed over first, by the listeners of `exit`. */
function leave(message: FromThread, status: number): void {
  counting?.flush();
  void logs.flush();
  tell(message);
  process.exit(status);
}

function failed(error: unknown): void {
  leave({ type: "bootFailed", status: statusOf(error), reason: reasonOf(error) }, 1);
}

function crashed(error: unknown): void {
  if (serving === undefined) return failed(error);
  log.exception(`Uncaught exception, thread ${thread} of the worker ends`, error);
  leave({ type: "crashed" }, 1);
}

catchStrays(() => serving === undefined, crashed);

port.on("message", (message: ToThread) => {
  switch (message.type) {
    case "serve":
      serve?.().then((opened) => {
        serving = opened;
        pulse.serving();
        tell({ type: "serving" });
      }, failed);
      return;
    case "tls":
      return tls?.renew(message.material);
    case "drain":
      if (serving === undefined) return leave({ type: "done" }, 0);
      serving.drain(message.idle).then(() => leave({ type: "done" }, 0), crashed);
      return;
    case "stop":
      return leave({ type: "done" }, 0);
  }
});

async function load(): Promise<() => Promise<Serving>> {
  const counter = new Int32Array(start.requests);
  const kind = await loadWorkerKind(config.workerClass, config.chdir, importModule);
  const hooks = workerHooks(await readHooks(init), init, log, thread);
  return await prepare({
    init,
    kind,
    hooks,
    log,
    access: logs.add(hooks.loggers),
    pulse,
    counting,
    leave: leaveIn(start.leave),
    tls,
    listeners: start.listeners,
    random: () => start.jitter,
    count: () => Atomics.add(counter, 0, 1) + 1,
    retire: (reason) => tell({ type: "retire", reason }),
    send: (message) => tell({ type: "forward", message }),
  });
}

load().then((loaded) => {
  serve = loaded;
  tell({ type: "loaded" });
}, failed);
