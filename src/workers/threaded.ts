// One request at a time in each of several threads. This is what each thread does; `threads/` runs them.

import type { Config } from "../config/config.ts";
import type { Serving, WorkerContext, WorkerKind } from "./contract.ts";
import { serveSerially } from "./serial.ts";

export const threaded: WorkerKind = {
  name: "threaded",
  inThreads: true,
  async serve(context: WorkerContext): Promise<Serving> {
    return serveSerially(context, { keepAlive: true, connections: connectionsOfThread(context.config) });
  },
};

/** A thread's part of the process's connections: they can't see each other's. */
function connectionsOfThread({ workerConnections, threads }: Config): number {
  return workerConnections === 0 ? 0 : Math.max(1, Math.floor(workerConnections / threads));
}
