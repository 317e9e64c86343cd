// A reload's first half: the configuration is read anew, and what it asks for is opened.

import { diff } from "../config/diff.ts";
import type { Resolved } from "../config/resolve.ts";
import { serverError } from "../errors.ts";
import type { ErrorLog } from "../log/error-log.ts";
import { noteEnvironment } from "../os/environment.ts";
import type { BoundSocket } from "../os/sockets.ts";
import { withinEach } from "../within.ts";
import { type BindOptions, openSockets } from "./listeners.ts";
import type { ArbiterOptions } from "./options.ts";
import type { Setup } from "./setup.ts";
import { loadTls } from "./tls.ts";

export interface LoadOptions {
  readonly load: ArbiterOptions["load"];
  /** Makes the process that of the configuration; throws a ServerError where it can't be. */
  readonly enter: (resolved: Resolved) => void;
  /** What is in force, and how long, in seconds, the new configuration may take; 0 is for ever. */
  readonly before: Resolved;
  /** What the process was started with. */
  readonly first: Resolved;
  /** The sockets that are open, at the time of the call. */
  readonly held: () => readonly BoundSocket[];
  readonly bind: (resolved: Resolved) => Omit<BindOptions, "tries">;
  readonly log: ErrorLog;
}

/** Rejects with what is wrong, also where a configuration never answers: another reload must get its turn. */
export async function loadSetup(options: LoadOptions): Promise<Setup> {
  const { before } = options;
  const seconds = before.config.bootTimeout;
  const progress: Progress = { givenUp: false, bound: [] };
  const loading = (next: () => void): Promise<Opening> => open(options, progress, next);
  const restoreEnvironment = noteEnvironment(process.env);
  try {
    const opened = await (seconds === 0 ? loading(() => undefined) : withinEach(seconds * 1_000, loading));
    if (opened !== "late") return { ...opened, restoreEnvironment };
    progress.givenUp = true;
    for (const socket of progress.bound) socket.close();
    throw serverError("CONFIG_SLOW", { path: before.config.config ?? "the configuration", seconds });
  } catch (error) {
    restoreEnvironment();
    throw error;
  }
}

interface Progress {
  givenUp: boolean;
  readonly bound: BoundSocket[];
}

type Opening = Omit<Setup, "restoreEnvironment">;

async function open(options: LoadOptions, progress: Progress, next: () => void): Promise<Opening> {
  const { before, first, load, enter, held, bind, log } = options;
  const resolved = await load(next);
  // Nobody takes a file away to have the defaults at once: other addresses, one worker.
  const { config: path } = before.config;
  if (path !== null && resolved.config.config === null) throw serverError("CONFIG_FILE_GONE", { path });
  // The process is another configuration's by now.
  if (!progress.givenUp) enter(resolved);
  const directory = process.cwd();
  const tls = await loadTls(resolved, log.warning);
  const given = bind(resolved);
  const onBound = (socket: BoundSocket): void => {
    // Nobody will serve on it.
    if (progress.givenUp) socket.close();
    else progress.bound.push(socket);
    given.onBound?.(socket);
  };
  const opened = await openSockets(resolved, held(), { ...given, tries: 1, onBound });
  const { restart } = diff(first.config, resolved.config);
  if (restart.length > 0 && !progress.givenUp)
    log.warning(`Changed, but takes hold only at a restart: ${restart.join(", ")}`);
  return { resolved, tls, directory, ...opened };
}
