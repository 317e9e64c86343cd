// --check-config and --print-config: everything a start would do, without serving.

import { resolve } from "node:path";
import { environmentOf } from "../arbiter/setup.ts";
import type { Config } from "../config/config.ts";
import type { Resolved } from "../config/resolve.ts";
import { serverError } from "../errors.ts";
import { adapt } from "../interfaces/adapt.ts";
import { importModule } from "../interfaces/loader/import.ts";
import { loadApplication } from "../interfaces/loader.ts";
import { enterDirectory } from "../os/directory.ts";
import { bindSocket } from "../os/sockets.ts";
import { isWorkerPath, loadWorkerKind } from "../workers/registry.ts";
import { answerOf, type Limit } from "./answer.ts";
import { checkConfig } from "./check.ts";
import { keepRunning } from "./exit.ts";

const silent = { debug: () => undefined, warning: () => undefined, error: () => undefined };

/** Rejects with every problem found. */
export async function rehearse(resolved: Resolved): Promise<void> {
  const { origins } = resolved;
  const problems = await checkConfig(resolved, {
    async tryBind(address, config) {
      if (address.kind === "unix") enterDirectory(config.chdir); // a relative path begins there
      (await bindSocket(address, { backlog: config.backlog, umask: config.umask })).close();
    },
    loadWorkerClass,
    findTlsFlaws: async (config) => {
      if (config.certfile.length === 0) return [];
      const { readTls } = await import("../arbiter/certificates.ts");
      const { findings } = readTls(config);
      for (const { severity, setting, what } of findings) {
        if (severity === "warning")
          process.stderr.write(`Warning: ${origins[setting] ?? "default"}: ${setting}: ${what}\n`);
      }
      return findings;
    },
    loadApp,
  });
  if (problems.length > 0) throw serverError("CONFIG_INVALID", { problems });
}

/** Rejects where the application does not load; an application that was not named is no mistake of --print-config's. */
export async function loadOnly({ config }: Resolved): Promise<void> {
  if (config.app === null) throw serverError("APP_MISSING", {});
  await loadApp(config);
}

async function loadApp(config: Config): Promise<void> {
  const load = async (): Promise<void> => {
    const application = await loadApplication(config.app ?? "", { cwd: config.chdir });
    await adapt(application, config.interface, { log: silent, multiprocess: config.workers > 1 });
  };
  await asWorker(config, load, {
    seconds: config.bootTimeout,
    slow: () => serverError("APP_SLOW", { seconds: config.bootTimeout }),
  });
}

async function loadWorkerClass(config: Config): Promise<void> {
  const { workerClass, chdir, bootTimeout } = config;
  if (!isWorkerPath(workerClass)) return; // one of the server's own
  const path = resolve(chdir, workerClass);
  const reason = `did not load within ${bootTimeout} s (bootTimeout)`;
  const load = async (): Promise<void> => void (await loadWorkerKind(workerClass, chdir, importModule));
  await asWorker(config, load, {
    seconds: bootTimeout,
    slow: () => serverError("WORKER_CLASS_FAILED", { path, reason }),
  });
}

/** Loads the user's code as a worker would, but in this process, which ends right after, and not before. */
async function asWorker(config: Config, load: () => Promise<void>, limit: Limit): Promise<void> {
  enterDirectory(config.chdir);
  Object.assign(process.env, environmentOf(config));
  await answerOf(keepRunning(load), limit);
}
