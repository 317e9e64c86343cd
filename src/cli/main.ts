// The arbiter's process from its command line to its exit status.

import { resolve } from "node:path";
import type { Origin } from "../arbiter/handover.ts";
import { serverInfo } from "../arbiter/hooks.ts";
import { createJournal, type Journal } from "../arbiter/journal.ts";
import { pidfilePath } from "../arbiter/pidfile.ts";
import type { SignalSource } from "../arbiter/signals.ts";
import { runArbiter } from "../arbiter/start.ts";
import type { Config } from "../config/config.ts";
import type { Resolved } from "../config/resolve.ts";
import { ServerError, serverError } from "../errors.ts";
import type { ErrorLog } from "../log/error-log.ts";
import { describeError } from "../log/stack.ts";
import { enterDirectory, enterWhereThere } from "../os/directory.ts";
import { type Inheritance, takeInheritance } from "../os/inherited.ts";
import { mostOpenFiles } from "../os/open-files.ts";
import { identityFor } from "../os/privileges.ts";
import { entryPath } from "../root.ts";
import { within } from "../within.ts";
import { answerOf } from "./answer.ts";
import { type Invocation, loadConfig, readCommand, version } from "./command.ts";
import { createHerald, type Herald, startDaemon } from "./daemon.ts";
import { exit } from "./exit.ts";
import { preflight, problemsOf, withOrigin } from "./preflight.ts";
import { startDirectory, underStartDirectory } from "./start-directory.ts";
import { catchStrays, type Strays } from "./strays.ts";
import { createTrials, type Trials } from "./trials.ts";

/** What a hook may take while the server is on its way out, in milliseconds. */
const LAST_HOOK = 1_000;
/** What logs that go to other hosts may take then, in milliseconds. */
const LAST_LINES = 500;

/** Does what the command line asks, and resolves with the exit status. */
export async function main(argv: readonly string[], signals: SignalSource): Promise<number> {
  const strays = catchStrays((error) => exit(complain(error)));
  const inheritance = takeInheritance(process.env, process.pid, process.ppid);
  const cwd = startDirectory(process.env.PWD, process.cwd());
  const program = underStartDirectory(process.argv[1] ?? "", cwd, process.cwd());
  const invocation = { argv, env: { ...process.env }, cwd, program };
  const herald = createHerald(inheritance.daemon);
  try {
    const intention = await readCommand(invocation, process.stdout.columns);
    switch (intention.type) {
      case "say":
        await say(intention.text);
        return 0;
      case "print": {
        await say(intention.text);
        const { loadOnly } = await import("./rehearse.ts");
        return await failing(loadOnly(intention.resolved));
      }
      case "check": {
        const { rehearse } = await import("./rehearse.ts");
        return await failing(rehearse(intention.resolved));
      }
      case "serve":
        return await serve(intention.resolved, { invocation, inheritance, herald, signals, strays });
    }
  } catch (error) {
    return complain(error, herald);
  }
}

async function failing(rehearsal: Promise<void>): Promise<number> {
  try {
    await rehearsal;
    return 0;
  } catch (error) {
    complain(error);
    return 1; // Gunicorn's for both questions, whatever it is that fails
  }
}

interface Circumstances {
  readonly invocation: Invocation & Origin;
  readonly inheritance: Inheritance;
  readonly herald: Herald;
  readonly signals: SignalSource;
  readonly strays: Strays;
}

async function serve(resolved: Resolved, circumstances: Circumstances): Promise<number> {
  const { invocation, inheritance, herald, signals, strays } = circumstances;
  const { config, warnings } = resolved;
  if (config.daemon && !inheritance.daemon && inheritance.elder === null)
    return await startDaemon({ origin: invocation, config, systemd: inheritance.systemd, signals });
  /** The arbiter whose place this one is to take, until it has. */
  let { elder } = inheritance;
  assertReady(resolved, pidfilePath(config.pidfile, elder), null);
  const journal = begin(resolved, elder, herald);
  const { log } = journal;
  log.info(`Starting tgunicorn ${version()}`);
  for (const { origin, setting, what } of warnings) {
    log.warning([origin, setting, what].filter((part) => part !== undefined).join(": "));
  }
  warnOfFewFiles(config, log);
  if (!(await callOnStarting(resolved, log))) {
    await within(LAST_LINES, journal.flush());
    return 1;
  }
  strays.logTo(log);
  let present = resolved;
  const trials = createTrials();
  try {
    return await runArbiter({
      resolved,
      load: async (proceed) => {
        const { tryFile } = await import("./trial.ts");
        const { cwd } = invocation;
        // What it names by a relative path is to be the same as at the start.
        enterWhereThere(cwd);
        const next = await loadConfig(invocation, async (path) => {
          await tryFile({ path, cwd }, present.config.bootTimeout, { trials, begun: proceed });
          proceed();
        });
        // One that stays was written long ago, and may lie where nothing can be written by now.
        const moved = absolutePidfile(next.config) !== absolutePidfile(present.config);
        assertReady(next, moved ? pidfilePath(next.config.pidfile, elder) : null, elder);
        return next;
      },
      enter: (next) => enter(next.config, elder),
      ownerOf: (next) => identityFor(next.config),
      origin: invocation,
      inheritance,
      signals,
      ready: () => {
        herald.ready();
        // While its file is that of the version that runs.
        import("./trial.ts").catch(() => undefined);
      },
      adopted: (next) => {
        present = next;
        entitle(next.config, elder); // a promotion may have come in between
      },
      promoted: ({ config: promoted }) => {
        elder = null;
        entitle(promoted, elder);
      },
      journal,
      software: `tgunicorn/${version()}`,
      workerEntry: entryPath("workers/main"),
      now: () => performance.now(),
      seed: Math.floor(Math.random() * 2 ** 31),
    });
  } catch (thrown) {
    const error = withOrigin(thrown, present);
    if (error instanceof ServerError) log.error(error.message);
    else log.exception("The arbiter failed", error);
    return error instanceof ServerError ? error.exitStatus : 1;
  } finally {
    await leave(present, journal, trials);
  }
}

/** What a worker needs apart from its clients' connections, at least. */
const OTHER_FILES = 24;

/** A worker that has none left can't leave clients in the kernel's queue: libuv takes them out, and closes them. */
function warnOfFewFiles({ workerConnections, workerClass }: Config, log: ErrorLog): void {
  const most = mostOpenFiles();
  if (most === null || workerClass === "sync" || workerConnections + OTHER_FILES <= most) return;
  log.warning(
    `workerConnections is ${workerConnections}, and a process may open ${most} files: raise that limit (ulimit -n, LimitNOFILE=), or lower workerConnections. Clients that come when no file is left get no answer`,
  );
}

/** @throws CONFIG_INVALID with everything that can be told of at once, before anything is opened. */
function assertReady(resolved: Resolved, pidfile: string | null, elder: number | null): void {
  const findings = preflight(resolved.config, {
    identify: identityFor,
    pidfile,
    mayOwnPidfile: (pid) => pid === elder,
  });
  if (findings.length > 0) throw serverError("CONFIG_INVALID", { problems: problemsOf(findings, resolved) });
}

const absolutePidfile = ({ chdir, pidfile }: Config): string | null =>
  pidfile === null ? null : resolve(chdir, pidfile);

/** Enters the directory and opens the log. @throws CONFIG_INVALID for what no look beforehand could tell */
function begin(resolved: Resolved, elder: number | null, herald: Herald): Journal {
  try {
    enter(resolved.config, elder);
    return createJournal(resolved, identityFor, herald.say);
  } catch (error) {
    throw withOrigin(error, resolved);
  }
}

/** Throws CHDIR_FAILED. */
function enter(config: Config, elder: number | null): void {
  enterDirectory(config.chdir);
  entitle(config, elder);
}

function entitle(config: Config, elder: number | null): void {
  const name = elder === null ? "arbiter" : "arbiter.2";
  process.title = `tgunicorn: ${name} [${config.procName ?? config.app ?? ""}]`;
}

/** False where the server does not start, which it has told of. */
async function callOnStarting(resolved: Resolved, log: ErrorLog): Promise<boolean> {
  const { config, hooks, origins } = resolved;
  const { onStarting } = hooks;
  if (onStarting === undefined) return true;
  const facts = { origin: origins.onStarting ?? "", hook: "onStarting", seconds: config.bootTimeout };
  try {
    await answerOf((async () => await onStarting(serverInfo({ resolved }, log, 1, config.workers)))(), {
      seconds: config.bootTimeout,
      slow: () => serverError("HOOK_SLOW", facts),
      stuck: () => serverError("HOOK_STUCK", facts),
    });
    return true;
  } catch (error) {
    if (error instanceof ServerError) log.error(`${error.message}. The server does not start`);
    else log.exception("Hook onStarting failed, the server does not start", error);
    return false;
  }
}

async function leave(resolved: Resolved, journal: Journal, trials: Trials): Promise<void> {
  // Before the hook, which may be what ends the process.
  if (!(await trials.end())) {
    journal.log.warning(
      "A thread that reads the configuration file does not end: the arbiter ends itself by SIGKILL",
    );
  }
  const { onExit } = resolved.hooks;
  if (onExit !== undefined) {
    try {
      await within(LAST_HOOK, onExit(serverInfo({ resolved }, journal.log, 0, 0)));
    } catch (error) {
      journal.log.exception("Hook onExit failed", error);
    }
  }
  await within(LAST_LINES, journal.flush());
}

/** Resolves when the text is with whoever reads it, so that an exit can't cut it. */
function say(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

/** A user's mistake is its message alone; anything else is ours, and shows where. */
function complain(error: unknown, herald?: Herald): number {
  const known = error instanceof ServerError;
  const text = known ? error.message : describeError(error);
  process.stderr.write(`\nError: ${text}\n`);
  herald?.say("Error", text);
  return known ? error.exitStatus : 1;
}
