// Every error a user can meet, once: its code, its exit status and the words that say what to do.
// Exit statuses follow Gunicorn: 1 for configuration and start, 2 for usage, 3 a worker does not boot,
// 4 the application does not load.

interface Entry<Facts> {
  readonly exit: number;
  readonly message: (facts: Facts) => string;
}

const entry = <Facts>(exit: number, message: (facts: Facts) => string): Entry<Facts> => ({ exit, message });

/** One wrong setting: where it was written, its name and what is wrong with it. */
export interface Problem {
  /** Where the value came from: `gunicorn.conf.ts`, `GUNICORN_CMD_ARGS`, `--workers`, `WEB_CONCURRENCY`. */
  readonly origin: string;
  /** The setting's name, where one is known. */
  readonly setting?: string;
  /** What is wrong and what was expected. */
  readonly what: string;
}

const problemLine = (problem: Problem): string =>
  [problem.origin, problem.setting, problem.what].filter((part) => part !== undefined).join(": ");

export const catalogue = {
  USAGE: entry(2, (f: { problems: readonly Problem[] }) => f.problems.map(problemLine).join("\n")),
  CONFIG_INVALID: entry(1, (f: { problems: readonly Problem[] }) => f.problems.map(problemLine).join("\n")),
  CONFIG_FILE_MISSING: entry(
    1,
    (f: { path: string; origin: string }) => `${f.origin}: ${f.path} does not exist`,
  ),
  CONFIG_FILE_GONE: entry(
    1,
    (f: { path: string }) =>
      `${f.path} is gone, which this server was configured by: put it back, or stop and start to serve with the defaults`,
  ),
  CONFIG_FILE_FAILED: entry(
    1,
    (f: { path: string; at: string | undefined; reason: string }) => `${f.at ?? f.path}: ${f.reason}`,
  ),
  APP_MISSING: entry(
    1,
    () => "No application module specified. Name one: tgunicorn [options] module:attribute",
  ),
  APP_URI: entry(4, (f: { uri: string; what: string }) => `'${f.uri}' names no application: ${f.what}`),
  APP_NOT_FOUND: entry(
    4,
    (f: { module: string; cwd: string; tried: readonly string[]; extensions: readonly string[] }) =>
      [
        `No module named '${f.module}' in ${f.cwd}. Tried:`,
        ...f.tried.map((path) => `  ${path}`),
        `Files may end in ${f.extensions.join(", ")} or be an index file in a directory. Is --chdir right?`,
      ].join("\n"),
  ),
  APP_ATTRIBUTE: entry(4, (f: { what: string }) => f.what),
  APP_FAILED: entry(4, (f: { what: string }) => `Error while loading the application:\n${f.what}`),
  APP_SHAPE: entry(4, (f: { what: string; write: string }) => `${f.what}. ${f.write}`),
  PIDFILE_IN_USE: entry(
    1,
    (f: { path: string; pid: number }) =>
      `Already running on PID ${f.pid} (or pid file '${f.path}' is stale): stop it, or use another --pid`,
  ),
  PIDFILE_UNWRITABLE: entry(
    1,
    (f: { path: string; reason: string }) => `pidfile: can't write ${f.path}: ${f.reason}`,
  ),
  BIND_IN_USE: entry(
    1,
    (f: { address: string; flag?: string }) =>
      `Can't connect to ${f.address}: the address is in use by another process; stop it, or use another ${f.flag ?? "--bind"}`,
  ),
  BIND_OVERLAPS: entry(
    1,
    (f: { address: string; held: string; both: boolean }) =>
      `Can't connect to ${f.address}: this server itself listens on ${f.held}, and the system does not give both at a time. ${
        f.both
          ? "Leave one of the two out of --bind"
          : "Neither a reload nor an upgrade can put the one in the other's place: stop the server and start it anew"
      }`,
  ),
  CONTROL_SOCKET: entry(
    1,
    (f: { path: string; reason: string }) =>
      `There is no control socket at ${f.path}: ${f.reason}. The server serves all the same; see --control-socket`,
  ),
  LOG_UNWRITABLE: entry(
    1,
    (f: { setting: string; path: string; reason: string }) =>
      `${f.setting}: ${f.path} can't be written: ${f.reason}. Name a file in a writable directory, or "-".`,
  ),
  ACCESS_LOG_FORMAT: entry(1, (f: { what: string }) => `accessLogFormat: ${f.what}`),
  BIND_DENIED: entry(
    1,
    (f: { address: string; reason: string }) =>
      `Can't bind ${f.address}: permission denied (${f.reason}); ports below 1024 need privileges, a path needs a writable directory`,
  ),
  BIND_UNRESOLVED: entry(
    1,
    (f: { address: string; host: string; reason: string }) =>
      `Can't bind ${f.address}: the host name ${f.host} does not resolve (${f.reason})`,
  ),
  BIND_NOT_A_SOCKET: entry(
    1,
    (f: { address: string; what: string }) =>
      `Can't bind ${f.address}: ${f.what} is not a socket; it is left alone`,
  ),
  BIND_FAILED: entry(1, (f: { address: string; reason: string }) => `Can't bind ${f.address}: ${f.reason}`),
  WORKER_CLASS_UNKNOWN: entry(
    1,
    (f: { name: string; known: readonly string[]; nearest: string | undefined }) =>
      `workerClass: unknown worker class "${f.name}"${f.nearest === undefined ? "." : `, did you mean "${f.nearest}"?`} Known: ${f.known.join(", ")}, or the path of your own (./my-worker.ts)`,
  ),
  WORKER_CLASS_FAILED: entry(
    1,
    (f: { path: string; reason: string }) => `workerClass: ${f.path}: ${f.reason}`,
  ),
  USER_UNKNOWN: entry(1, (f: { name: string }) => `user: no such user: "${f.name}"`),
  GROUP_UNKNOWN: entry(1, (f: { name: string }) => `group: no such group: "${f.name}"`),
  GROUP_NEEDED: entry(
    1,
    (f: { user: string }) =>
      `user: "${f.user}" has no entry among the users, and so no group: name one with group`,
  ),
  USER_DENIED: entry(
    1,
    (f: { user: string }) => `user: only root can run workers as another user than itself ("${f.user}")`,
  ),
  GROUP_DENIED: entry(
    1,
    (f: { group: string }) => `group: only root can run workers as another group than its own ("${f.group}")`,
  ),
  CHDIR_FAILED: entry(
    1,
    (f: { path: string; reason: string }) => `chdir: can't change to ${f.path}: ${f.reason}`,
  ),
  CONFIG_SLOW: entry(
    1,
    (f: { path: string; seconds: number }) =>
      `${f.path} did not answer within ${f.seconds} s (bootTimeout): find what it waits for`,
  ),
  CONFIG_STUCK: entry(
    1,
    (f: { path: string }) =>
      `${f.path} never answers: find the promise it awaits that nothing is left to settle`,
  ),
  HOOK_SLOW: entry(
    1,
    (f: { origin: string; hook: string; seconds: number }) =>
      `${f.origin}: ${f.hook} was not done within ${f.seconds} s (bootTimeout): find what it waits for, or raise --boot-timeout`,
  ),
  HOOK_STUCK: entry(
    1,
    (f: { origin: string; hook: string }) =>
      `${f.origin}: ${f.hook} is never done: find the promise it awaits that nothing is left to settle`,
  ),
  APP_SLOW: entry(
    4,
    (f: { seconds: number }) =>
      `The application did not load within ${f.seconds} s: find what its import waits for, or raise --boot-timeout`,
  ),
};

export type ErrorCode = keyof typeof catalogue;
type FactsOf = { [Code in ErrorCode]: Parameters<(typeof catalogue)[Code]["message"]>[0] };
export type Facts<Code extends ErrorCode> = FactsOf[Code];
const entries: { readonly [Code in ErrorCode]: Entry<FactsOf[Code]> } = catalogue;

/** An error that is the user's to mend. It is shown as its message alone, never as a stack trace. */
export class ServerError extends Error {
  readonly code: ErrorCode;
  readonly exitStatus: number;

  constructor(code: ErrorCode, exitStatus: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ServerError";
    this.code = code;
    this.exitStatus = exitStatus;
  }
}

/** Makes the catalogue's error `code` with its facts filled in. */
export function serverError<Code extends ErrorCode>(
  code: Code,
  facts: Facts<Code>,
  cause?: unknown,
): ServerError {
  const entry: Entry<FactsOf[Code]> = entries[code];
  return new ServerError(code, entry.exit, entry.message(facts), cause);
}
