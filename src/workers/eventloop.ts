// One event loop per process, many requests at once. Beyond `workerConnections` clients wait in the kernel's queue,
// where an idle sibling finds them.

import { createFront } from "../protocols/front.ts";
import type { Serving, WorkerContext, WorkerKind } from "./contract.ts";
import { openGates } from "./gates.ts";

export const eventloop: WorkerKind = {
  name: "eventloop",
  async serve(context: WorkerContext): Promise<Serving> {
    const { config, handle, over } = context;
    const most = config.workerConnections || Number.POSITIVE_INFINITY;
    let open = 0;

    const front = await createFront(context.listeners, {
      config,
      keepAlive: true,
      countBytes: context.countBytes,
      connections: context.connections,
      onExchange: handle,
      onOver: over,
      upgrades: context.upgrades,
      onUpgraded: context.upgraded,
      onConnectionClosed() {
        if (open-- === most) gates.resume();
      },
      log: context.log,
      tls: context.tls,
    });
    const gates = openGates(context.listeners, config.backlog, (socket, listener) => {
      if (++open >= most) gates.pause();
      front.accept(socket, listener);
    });
    gates.resume();

    return {
      drain: (idle) =>
        front.drain(
          idle,
          gates.finish(idle, () => open < most),
        ),
      stop() {
        gates.close();
        front.stop();
      },
    };
  },
};
