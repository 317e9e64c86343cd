// What a start looks at beyond the values themselves before it opens anything: the machine they are for.
import { accessSync, constants, existsSync, lstatSync, statSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { liveOwner } from "../arbiter/pidfile.ts";
import type { Config } from "../config/config.ts";
import type { Resolved } from "../config/resolve.ts";
import { isSettingName, type SettingName } from "../config/settings/index.ts";
import { type Problem, ServerError, serverError } from "../errors.ts";
import { compileAccessFormat } from "../log/access-log.ts";
import { errorReason, isInherited } from "../log/descriptor.ts";
import { lookupGroup, lookupUser } from "../os/users.ts";
import { checkWorkerClass, isWorkerPath } from "../workers/registry.ts";

/** What depends on who asks: a start, a reload or --check-config. */
export interface Purpose {
  /** Throws where workers can't run as whom the configuration names. */
  readonly identify: (accounts: Pick<Config, "user" | "group">) => unknown;
  /** The pid file that would be written; null for none. */
  readonly pidfile: string | null;
  /** True where that process may be the one that the pid file names. */
  readonly mayOwnPidfile: (pid: number) => boolean;
}

export interface Finding {
  readonly setting: SettingName;
  readonly what: string;
}

type Check = (config: Config, purpose: Purpose) => readonly Finding[];

/** The catalogue's messages start with the setting's name, for where nothing else tells it. */
export function findingOf(error: unknown, otherwise: SettingName): Finding {
  const message = error instanceof Error ? error.message : String(error);
  const [, name = "", what = ""] = /^(\w+): ([\s\S]*)$/.exec(message) ?? [];
  return error instanceof ServerError && isSettingName(name)
    ? { setting: name, what }
    : { setting: otherwise, what: message };
}

function attempt(setting: SettingName, work: () => unknown): readonly Finding[] {
  try {
    work();
    return [];
  } catch (error) {
    return [findingOf(error, setting)];
  }
}

/** Why no file can be made there; undefined where one can, or where only making it would tell. */
function directoryReason(path: string): string | undefined {
  const folder = dirname(path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    return `the directory ${folder} does not exist`;
  accessSync(folder, constants.W_OK | constants.X_OK);
  return undefined;
}

function reasonOf(look: () => string | undefined): string | undefined {
  try {
    return look();
  } catch (error) {
    return errorReason(error);
  }
}

/** Why a log can't be written there. A broken link makes its file elsewhere: opening it will tell. */
const logReason = (path: string): string | undefined =>
  reasonOf(() => {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() === true) return "it is a directory";
    if (stats !== undefined) accessSync(path, constants.W_OK);
    else if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return directoryReason(path);
    return undefined;
  });

/** Why a pid file can't be put there: it is made beside and renamed, so an old file's own rights don't matter. */
const pidfileReason = (path: string): string | undefined =>
  reasonOf(() => {
    const directory = lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    return directory ? "it is a directory" : directoryReason(path);
  });

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** False for a path below a directory that is a finding of its own. */
const canLook = (path: string, { chdir }: Config): boolean => isAbsolute(path) || isDirectory(chdir);

const chdirExists: Check = ({ chdir }) => {
  const reason = reasonOf(() => {
    if (!existsSync(chdir)) return "it does not exist";
    if (!isDirectory(chdir)) return "it is no directory";
    accessSync(chdir, constants.X_OK);
    return undefined;
  });
  return reason === undefined
    ? []
    : [findingOf(serverError("CHDIR_FAILED", { path: chdir, reason }), "chdir")];
};

const workerClassExists: Check = (config) => {
  const { workerClass, chdir } = config;
  if (isWorkerPath(workerClass) && !canLook(workerClass, config)) return [];
  return attempt("workerClass", () => checkWorkerClass(workerClass, chdir));
};

const logsCanBeWritten: Check = (config) =>
  (["accesslog", "errorlog"] as const).flatMap((setting) => {
    const path = config[setting];
    if (path === null || isInherited(path) || !canLook(path, config)) return [];
    const reason = logReason(resolve(config.chdir, path));
    return reason === undefined
      ? []
      : [findingOf(serverError("LOG_UNWRITABLE", { setting, path, reason }), setting)];
  });

/** Also without an access log: what is wrong is wrong when one is wanted, and syslog has its lines in the same form. */
const accessFormatIsKnown: Check = ({ accessLogFormat }) =>
  attempt("accessLogFormat", () => compileAccessFormat(accessLogFormat));

const pidfileIsOurs: Check = (config, { pidfile, mayOwnPidfile }) => {
  if (pidfile === null || !canLook(pidfile, config)) return [];
  const path = resolve(config.chdir, pidfile);
  const reason = pidfileReason(path);
  if (reason !== undefined)
    return [findingOf(serverError("PIDFILE_UNWRITABLE", { path: pidfile, reason }), "pidfile")];
  const pid = liveOwner(path);
  return pid === null || mayOwnPidfile(pid)
    ? []
    : [findingOf(serverError("PIDFILE_IN_USE", { path: pidfile, pid }), "pidfile")];
};

const accountsExist: Check = ({ user, group }, { identify }) => {
  const unknown: Finding[] = [];
  if (user !== null && lookupUser(user) === undefined)
    unknown.push(findingOf(serverError("USER_UNKNOWN", { name: user }), "user"));
  if (group !== null && lookupGroup(group) === undefined)
    unknown.push(findingOf(serverError("GROUP_UNKNOWN", { name: group }), "group"));
  return unknown.length > 0 ? unknown : attempt("user", () => identify({ user, group }));
};

const checks: readonly Check[] = [
  chdirExists,
  workerClassExists,
  logsCanBeWritten,
  accessFormatIsKnown,
  pidfileIsOurs,
  accountsExist,
];

/** Everything that is wrong and cheap to find; empty where a start gets on to what costs more. Opens and changes nothing. */
export const preflight = (config: Config, purpose: Purpose): readonly Finding[] =>
  checks.flatMap((check) => check(config, purpose));

export const problemsOf = (findings: readonly Finding[], { origins }: Pick<Resolved, "origins">): Problem[] =>
  findings.map(({ setting, what }) => ({ origin: origins[setting] ?? "default", setting, what }));

/** An error over a setting that only the doing has shown, with who set it; any other as it is. */
export function withOrigin(error: unknown, resolved: Pick<Resolved, "origins">): unknown {
  if (!(error instanceof ServerError) || error.code === "CONFIG_INVALID") return error;
  const [name = ""] = error.message.split(": ", 1);
  if (!isSettingName(name)) return error;
  return serverError("CONFIG_INVALID", { problems: problemsOf([findingOf(error, name)], resolved) }, error);
}
