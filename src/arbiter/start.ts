// The arbiter's way from its configuration to the first worker: pid file, certificates, sockets.

import { resolve as absolute } from "node:path";
import type { Reaper } from "../os/orphans.ts";
import type { BoundSocket } from "../os/sockets.ts";
import { adoptInherited } from "./inheritance.ts";
import { openSockets, wait } from "./listeners.ts";
import type { ArbiterOptions, Holdings } from "./options.ts";
import { createPidfile, movePidfile, type Pidfile, pidfilePath } from "./pidfile.ts";
import { serve } from "./run.ts";
import { urlOf } from "./setup.ts";
import { loadTls } from "./tls.ts";

/** Binds, serves and reloads until told to stop; resolves with the exit status. Rejects with a ServerError where it can't start. */
export async function runArbiter(options: ArbiterOptions): Promise<number> {
  const log = options.journal.log;
  const { resolved, inheritance } = options;
  const { config } = resolved;
  let pidfile: Pidfile | null = null;
  let reaper: Reaper | null = null;
  const bound: BoundSocket[] = [];
  // A signal may end the process before it serves, as while it waits for an address.
  const leave = (): void => {
    for (const socket of bound) socket.close();
    pidfile?.remove();
  };
  process.once("exit", leave);
  try {
    if (process.pid === 1) reaper = (await import("../os/orphans.ts")).reapOrphans(log.warning);
    const path = pidfilePath(config.pidfile, inheritance.elder);
    if (path !== null) pidfile = createPidfile(path, config);
    const tls = await loadTls(resolved, log.warning);
    const inherited = await adoptInherited(inheritance, config.backlog);
    const opened = await openSockets(resolved, inherited.handed, {
      inherited,
      owner: options.ownerOf(resolved),
      tries: 5,
      wait,
      log,
      onBound: (socket) => void bound.push(socket),
    });
    // What the new configuration does not ask for is still the old arbiter's.
    for (const socket of inherited.handed) if (!opened.sockets.includes(socket)) socket.release();
    log.info(
      `Listening at: ${opened.sockets.map((socket) => urlOf(socket, opened.protocols.get(socket))).join(",")} (${process.pid})`,
    );
    log.info(`Using worker: ${config.workerClass}`);
    const holdings: Holdings = {
      inherited,
      movePidfile({ resolved: { config }, directory }, elder, predecessor = null) {
        const wanted = pidfilePath(config.pidfile, elder);
        const path = wanted === null ? null : absolute(directory, wanted);
        pidfile = movePidfile(pidfile, path, log, { umask: config.umask, predecessor });
      },
    };
    process.off("exit", leave);
    return await serve(
      options,
      { resolved, tls, directory: process.cwd(), restoreEnvironment: () => undefined, ...opened },
      holdings,
    );
  } finally {
    process.off("exit", leave);
    reaper?.stop();
    pidfile?.remove();
  }
}
