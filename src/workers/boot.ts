// From an `init` message to a worker that serves.

import type { Config } from "../config/config.ts";
import { importModule } from "../interfaces/loader/import.ts";
import type { Init, ToArbiter } from "../ipc/messages.ts";
import { captureOutput } from "../log/capture.ts";
import { openDestination } from "../log/destination.ts";
import { jsonPrinted } from "../log/error-format.ts";
import type { ErrorLog } from "../log/error-log.ts";
import { createLevel, type Level } from "../log/level.ts";
import { stderrWarning } from "../log/losses.ts";
import { clearsLine, lineBefore } from "../log/status-line.ts";
import { openSyslog } from "../log/syslog.ts";
import type { Losses } from "../metrics/row.ts";
import { openStatsd } from "../metrics/statsd.ts";
import { enterDirectory, enterWhereThere } from "../os/directory.ts";
import { dropPrivileges } from "../os/privileges.ts";
import type { Serving } from "./contract.ts";
import { type Counting, startCounting } from "./counting.ts";
import { readHooks, type WorkerHooks, workerHooks } from "./hooks.ts";
import { createLeave, type Leave } from "./leave.ts";
import type { LastThread } from "./lifecycle.ts";
import { createLogs, type Logs, type Outlets } from "./logs.ts";
import { prepare } from "./prepare.ts";
import { type Pulse, startPulse } from "./pulse.ts";
import { loadWorkerKind } from "./registry.ts";
import { logOrigin, workerName } from "./report.ts";
import { createTlsFeed, type TlsFeed } from "./tls.ts";
import { startWatchdog, type Watchdog } from "./watchdog.ts";

/** What a worker stands on before anything of the user's runs. */
export interface Foundation {
  readonly config: Config;
  readonly log: ErrorLog;
  /** Of the log, and of those of the process's threads. */
  readonly level: Level;
  /** Lets the user's own loggers hear as well; returns who wants to know of requests, or null. */
  addLoggers: Logs["add"];
  /** Undefined where no TLS is spoken. */
  readonly tls: TlsFeed | undefined;
  /** Whether the server stops, for those who probe it. */
  readonly leave: Leave;
  /** Where lines go, for threads that write through this one. */
  readonly outlets: Outlets;
  /** Of the process's own event loop. */
  readonly pulse: Pulse;
  readonly watchdog: Watchdog | undefined;
  /** Undefined where nobody asks for figures. */
  readonly counting: Counting | undefined;
  reopen(): void;
  /** Writes everything; resolves when what is elsewhere has it, or can't be reached. */
  flush(): Promise<void>;
}

export interface Booted {
  readonly serving: Serving;
  readonly hooks: WorkerHooks;
}

/** Makes the process what the configuration says: title, directory, umask, logs. Throws what does not work. */
export function lay(init: Init): Foundation {
  const { config, identity } = init;
  process.title = `tgunicorn: worker [${config.procName ?? config.app ?? ""}]`;
  enterDirectory(config.chdir);
  // What it makes is to be no wider than the starter's own umask has it, either.
  const umask = process.umask(config.umask);
  // Opened while it may still be root, who alone can write where logs usually lie.
  const origin = logOrigin(identity, process.pid);
  const form = config.logFormat;
  const destination = openDestination(config.errorlog, {
    setting: "errorlog",
    umask,
    before: lineBefore(init.sharesTerminal, config.errorlog, 2),
    warn: stderrWarning(form, origin),
  });
  if (config.captureOutput) captureOutput(destination, form === "json" ? jsonPrinted(origin) : undefined);
  if (init.sharesTerminal) for (const stream of [process.stdout, process.stderr]) clearsLine(stream);
  // Nothing warns before the logs are there to be told.
  const warn = (message: string): void => logs.log.warning(message);
  const accessTo =
    config.accesslog === null
      ? null
      : openDestination(config.accesslog, {
          standard: 1,
          setting: "accesslog",
          umask,
          before: lineBefore(init.sharesTerminal, config.accesslog, 1),
          warn,
        });
  const remote = {
    syslog: config.syslog ? openSyslog(config, warn) : null,
    statsd: openStatsd(config, warn),
  };
  const outlets: Outlets = { error: destination, access: accessTo, ...remote };
  const level = createLevel(config.loglevel);
  const logs = createLogs(config, level, origin, outlets);
  const { log } = logs;
  const worker = workerName(identity, process.pid);
  // Where threads serve, this one looks after them, and runs too little of its own to be stuck.
  const watched = config.watchdog && config.workerClass !== "threaded";
  const lost = (): Losses => {
    const theirs = logs.lost();
    return {
      error: destination.lost + theirs.error,
      access: (accessTo?.lost ?? 0) + theirs.access,
      syslog: remote.syslog?.lost ?? 0,
      statsd: remote.statsd?.lost ?? 0,
    };
  };
  const counting = init.ledgerFd === null ? undefined : startCounting(init.ledgerFd, 0, lost);
  const pulse = startPulse({ config, log, worker, watched, timedOut: counting?.timedOut });
  const watchdog = pulse.vitals === undefined ? undefined : startWatchdog(init, pulse.vitals, level, warn);
  return {
    config,
    log,
    level,
    addLoggers: logs.add,
    tls: init.tls === null ? undefined : createTlsFeed(init.tls),
    leave: createLeave(),
    outlets,
    pulse,
    watchdog,
    counting,
    reopen() {
      destination.reopen();
      accessTo?.reopen();
      watchdog?.reopen();
    },
    async flush() {
      counting?.flush();
      destination.flushSync();
      accessTo?.flushSync();
      await Promise.all([logs.flush(), remote.syslog?.settle(), remote.statsd?.settle()]);
    },
  };
}

/** What a worker tells of itself while it serves. */
export interface Told {
  /** It has reached a limit, or lost a part of itself: it serves on, and is to be replaced. */
  retire(reason: string): void;
  /** Something that is the arbiter's alone to act on. */
  forward(message: ToArbiter): void;
  /** None of its threads is left. */
  lost(why: LastThread): void;
  /** From here on requests may come in. */
  opening(): void;
}

/** What it names by a relative path is the same as for the arbiter. */
async function readHooksWhereStarted(init: Init): ReturnType<typeof readHooks> {
  if (init.hooksFile === null) return await readHooks(init);
  enterWhereThere(init.startedIn);
  try {
    return await readHooks(init);
  } finally {
    enterDirectory(init.config.chdir);
  }
}

/** Becomes the configured user, loads what is the user's, and serves. */
export async function boot(init: Init, foundation: Foundation, told: Told): Promise<Booted> {
  const { config, log } = foundation;
  // While it may still be root, who alone can read a file with secrets. What it has to run runs as the user.
  const given = await readHooksWhereStarted(init);
  dropPrivileges(config);
  const hooks = workerHooks(given, init, log);
  const access = foundation.addLoggers(hooks.loggers);
  await hooks.postFork();
  const kind = await loadWorkerKind(config.workerClass, config.chdir, importModule);
  if (kind.inThreads === true) {
    const { serveInThreads } = await import("./threads/serve.ts");
    return { serving: await serveInThreads(init, foundation, told), hooks };
  }
  const serve = await prepare({
    init,
    kind,
    hooks,
    log,
    access,
    tls: foundation.tls,
    pulse: foundation.pulse,
    counting: foundation.counting,
    leave: foundation.leave,
    listeners: init.listeners,
    random: Math.random,
    retire: told.retire,
    send: told.forward,
  });
  told.opening();
  return { serving: await serve(), hooks };
}
