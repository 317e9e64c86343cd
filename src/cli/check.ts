// What --check-config looks at beyond the values themselves: all that a start would do with them.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { TlsFinding } from "../arbiter/certificates.ts";
import { liveOwner } from "../arbiter/pidfile.ts";
import { type Address, formatAddress } from "../config/address.ts";
import type { Config } from "../config/config.ts";
import type { Resolved } from "../config/resolve.ts";
import type { SettingName } from "../config/settings/index.ts";
import type { Problem } from "../errors.ts";
import { identityFor, type Self } from "../os/privileges.ts";
import { isAddressInUse } from "../os/sockets.ts";
import { type Finding, findingOf, preflight, problemsOf } from "./preflight.ts";

/** What needs parts of the server that the settings don't know. Each rejects with what is wrong. */
export interface Probes {
  /** Binds the address and closes it again. */
  tryBind(address: Address, config: Config): Promise<void>;
  /** Loads the kind of worker, which may be a module of the user's. */
  loadWorkerClass(config: Config): Promise<void>;
  /** What is wrong with the files that TLS is served with, and what is odd. */
  findTlsFlaws(config: Config): Promise<readonly TlsFinding[]>;
  /** Loads the application as a worker would. */
  loadApp(config: Config): Promise<void>;
}

type Check = (config: Config, probes: Probes) => Promise<readonly Finding[]>;

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** True where the process is a server of ours: the one that this configuration may be meant to reload. */
const isServer = (pid: number): boolean =>
  // The arbiter's title takes the place of its command line.
  tryRead(`/proc/${pid}/cmdline`)?.startsWith("tgunicorn: ") === true;

/** True where the pid file says that such a server is running. */
function isRunning({ chdir, pidfile }: Config): boolean {
  const pid = pidfile === null ? null : liveOwner(resolve(chdir, pidfile));
  return pid !== null && isServer(pid);
}

/** Sockets of the other kinds are passed by whoever starts the server. */
const bindsAreFree =
  (kind: "tcp" | "unix"): Check =>
  async (config, { tryBind }) => {
    const found: Finding[] = [];
    // One after the other: two of them may be the same socket.
    for (const address of config.bind) {
      if (address.kind !== kind) continue;
      try {
        await tryBind(address, config);
      } catch (error) {
        if (isAddressInUse(error) && isRunning(config)) continue; // it is bound by the server that is to be reloaded
        found.push({ setting: "bind", what: `${formatAddress(address)}: ${messageOf(error)}` });
      }
    }
    return found;
  };

const attempt = async (setting: SettingName, work: Promise<void>): Promise<readonly Finding[]> =>
  await work.then(
    () => [],
    (error) => [findingOf(error, setting)],
  );

const workerClassLoads: Check = (config, { loadWorkerClass }) =>
  attempt("workerClass", loadWorkerClass(config));

const certificatesFit: Check = async (config, { findTlsFlaws }) =>
  (await findTlsFlaws(config)).filter(({ severity }) => severity === "error");

const appLoads: Check = (config, { loadApp }) => attempt("app", loadApp(config));

/** Each with the settings that must be free of findings of their own, or else it would only repeat them. */
const checks: readonly { readonly check: Check; readonly needs: readonly SettingName[] }[] = [
  { check: bindsAreFree("tcp"), needs: [] },
  { check: bindsAreFree("unix"), needs: ["chdir"] },
  { check: workerClassLoads, needs: ["chdir", "workerClass"] },
  { check: certificatesFit, needs: [] },
  { check: appLoads, needs: ["chdir"] },
];

const asRoot: Self = { uid: 0, gid: 0, root: true };

/** Everything that is wrong, each with its origin; empty where the server would start. */
export async function checkConfig(resolved: Resolved, probes: Probes): Promise<readonly Problem[]> {
  const { config } = resolved;
  const findings = [
    ...preflight(config, {
      // As root would be asked, whoever checks.
      identify: (accounts) => identityFor(accounts, asRoot),
      pidfile: config.pidfile,
      mayOwnPidfile: isServer,
    }),
  ];
  for (const { check, needs } of checks) {
    if (findings.some(({ setting }) => needs.includes(setting))) continue;
    findings.push(...(await check(config, probes)));
  }
  return problemsOf(findings, resolved);
}
