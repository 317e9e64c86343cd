// What --check-config looks at beyond the values themselves: the machine they are for.
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { TlsFinding } from "../arbiter/certificates.ts";
import { type Address, formatAddress } from "../config/address.ts";
import type { Config } from "../config/config.ts";
import type { Resolved } from "../config/resolve.ts";
import type { SettingName } from "../config/settings/index.ts";
import type { Problem } from "../errors.ts";
import { compileAccessFormat } from "../log/access-log.ts";
import { identityFor } from "../os/privileges.ts";
import { isAddressInUse } from "../os/sockets.ts";
import { lookupGroup, lookupUser } from "../os/users.ts";

/** What needs parts of the server that the settings don't know. Each rejects with what is wrong. */
export interface Probes {
  /** Binds the address and closes it again. */
  tryBind(address: Address, config: Config): Promise<void>;
  /** Resolves where the kind of worker exists. */
  findWorkerClass(config: Config): Promise<void>;
  /** What is wrong with the files that TLS is served with, and what is odd. */
  findTlsFlaws(config: Config): Promise<readonly TlsFinding[]>;
  /** Loads the application as a worker would. */
  loadApp(config: Config): Promise<void>;
}

type Found = { readonly setting: SettingName; readonly what: string };
type Check = (config: Config, probes: Probes) => Promise<readonly Found[]> | readonly Found[];

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function cannotWrite(path: string): string | undefined {
  const folder = dirname(path);
  try {
    if (existsSync(path)) {
      if (statSync(path).isDirectory()) return `${path} is a directory`;
      accessSync(path, constants.W_OK);
    } else if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
      return `the directory ${folder} does not exist`;
    } else {
      accessSync(folder, constants.W_OK);
    }
    return undefined;
  } catch {
    return `${path} can't be written`;
  }
}

function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, but someone else's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

type Holder = { readonly kind: "nobody" } | { readonly kind: "us" | "stranger"; readonly pid: number };

/** Who the pid file says is running: the very server this configuration may be meant to reload, or another process. */
function holder(config: Config): Holder {
  if (config.pidfile === null) return { kind: "nobody" };
  const pid = Number((tryRead(resolve(config.chdir, config.pidfile)) ?? "").trim());
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid || !isAlive(pid))
    return { kind: "nobody" };
  const command = tryRead(`/proc/${pid}/cmdline`);
  // The arbiter's title takes the place of its command line.
  return { kind: command?.startsWith("tgunicorn: ") === true ? "us" : "stranger", pid };
}

const chdirExists: Check = ({ chdir }) => {
  const there = statSync(chdir, { throwIfNoEntry: false })?.isDirectory() === true;
  return there ? [] : [{ setting: "chdir", what: `${chdir} is no directory` }];
};

const bindsAreFree: Check = async (config, { tryBind }) => {
  const found: Found[] = [];
  // One after the other: two of them may be the same socket.
  for (const address of config.bind) {
    if (address.kind === "fd" || address.kind === "name") continue; // whoever starts the server passes it
    try {
      await tryBind(address, config);
    } catch (error) {
      if (isAddressInUse(error) && holder(config).kind === "us") continue; // it is bound by the server that is to be reloaded
      found.push({ setting: "bind", what: `${formatAddress(address)}: ${messageOf(error)}` });
    }
  }
  return found;
};

const attempt = async (setting: SettingName, work: Promise<void>): Promise<readonly Found[]> =>
  await work.then(
    () => [],
    // The catalogue's messages name the setting themselves, for where nothing else does.
    (error) => [{ setting, what: messageOf(error).replace(`${setting}: `, "") }],
  );

const workerClassExists: Check = (config, { findWorkerClass }) =>
  attempt("workerClass", findWorkerClass(config));

const logsCanBeWritten: Check = (config) =>
  (["accesslog", "errorlog"] as const).flatMap((setting) => {
    const path = config[setting];
    const what = path === null || path === "-" ? undefined : cannotWrite(resolve(config.chdir, path));
    return what === undefined ? [] : [{ setting, what }];
  });

const accessFormatIsKnown: Check = ({ accesslog, accessLogFormat }) =>
  attempt(
    "accessLogFormat",
    (async () => {
      if (accesslog !== null) compileAccessFormat(accessLogFormat);
    })(),
  );

const pidfileIsOurs: Check = (config) => {
  if (config.pidfile === null) return [];
  const what = cannotWrite(resolve(config.chdir, config.pidfile));
  if (what !== undefined) return [{ setting: "pidfile", what }];
  const held = holder(config);
  return held.kind === "stranger"
    ? [{ setting: "pidfile", what: `${config.pidfile} names process ${held.pid}, which is running` }]
    : [];
};

const accountsExist: Check = ({ user, group }) => {
  const found: Found[] = [];
  if (user !== null && lookupUser(user) === undefined) {
    found.push({ setting: "user", what: `no such user: ${JSON.stringify(user)}` });
  }
  if (group !== null && lookupGroup(group) === undefined) {
    found.push({ setting: "group", what: `no such group: ${JSON.stringify(group)}` });
  }
  if (found.length > 0) return found;
  return attempt("user", identified({ user, group }));
};

/** As root would be asked, whoever checks. */
const identified = async (accounts: Pick<Config, "user" | "group">): Promise<void> =>
  void identityFor(accounts, { uid: 0, gid: 0, root: true });

const certificatesFit: Check = async (config, { findTlsFlaws }) =>
  (await findTlsFlaws(config)).filter(({ severity }) => severity === "error");

const appLoads: Check = (config, { loadApp }) => attempt("app", loadApp(config));

const checks: readonly Check[] = [
  chdirExists,
  bindsAreFree,
  workerClassExists,
  logsCanBeWritten,
  accessFormatIsKnown,
  pidfileIsOurs,
  accountsExist,
  certificatesFit,
  appLoads,
];

/** Everything that is wrong, each with its origin; empty where the server would start. */
export async function checkConfig(
  { config, origins }: Resolved,
  probes: Probes,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const check of checks) {
    for (const { setting, what } of await check(config, probes)) {
      problems.push({ origin: origins[setting] ?? "default", setting, what });
    }
  }
  return problems;
}
