// One request at a time per process, and no keep-alive.

import type { Serving, WorkerContext, WorkerKind } from "./contract.ts";
import { serveSerially } from "./serial.ts";

export const sync: WorkerKind = {
  name: "sync",
  async serve(context: WorkerContext): Promise<Serving> {
    return serveSerially(context, { keepAlive: false, connections: context.config.workerConnections });
  },
};
