// One request at a time. While one runs the gate is closed, so that a client never waits behind a request that it
// can't see when a sibling is idle.

import type { Socket } from "node:net";
import type { Exchange } from "../protocols/exchange.ts";
import { createFront } from "../protocols/front.ts";
import type { Serving, WorkerContext } from "./contract.ts";
import { openGates } from "./gates.ts";

export interface SerialOptions {
  /** Whether a connection stays open between requests. An idle one holds nobody up. */
  readonly keepAlive: boolean;
  /** Connections at most; 0 is no limit. */
  readonly connections: number;
}

/** How long a fresh connection may keep the worker from accepting another without having sent a request, in milliseconds. */
const PATIENCE = 5;

export async function serveSerially(
  context: WorkerContext,
  { keepAlive, connections }: SerialOptions,
): Promise<Serving> {
  const { config, handle, over } = context;
  const most = connections || Number.POSITIVE_INFINITY;
  /** Requests that came while another ran: on connections kept open, or that took longer than PATIENCE to send them. */
  const waiting: Exchange[] = [];
  let running: Exchange | undefined;
  let fresh: Socket | undefined;
  let open = 0;

  const free = (): boolean => running === undefined && fresh === undefined && open < most;
  const steer = (): void => {
    if (free()) gates.resume();
    else gates.pause();
  };

  const run = (exchange: Exchange): void => {
    running = exchange;
    void handle(exchange);
  };

  const goOn = (): void => {
    running = undefined;
    const next = waiting.shift();
    if (next !== undefined) run(next);
    else steer();
  };

  const front = await createFront(context.listeners, {
    config,
    keepAlive,
    countBytes: context.countBytes,
    connections: context.connections,
    onExchange(exchange) {
      if (exchange.connection.socket === fresh) fresh = undefined;
      if (running !== undefined) return void waiting.push(exchange);
      run(exchange);
      // The gate is open until now where the connection had been silent for a while.
      steer();
    },
    onOver(exchange) {
      if (exchange === running) {
        over?.(exchange);
        goOn();
        return;
      }
      const index = waiting.indexOf(exchange);
      // Its client has gone before its turn: it never runs.
      if (index >= 0) waiting.splice(index, 1);
      // Its connection had become another protocol's.
      else over?.(exchange);
    },
    upgrades: context.upgrades,
    onUpgraded(exchange) {
      context.upgraded?.(exchange);
      if (exchange === running) goOn();
    },
    onConnectionClosed(socket) {
      open--;
      if (socket === fresh) fresh = undefined;
      steer();
    },
    log: context.log,
    tls: context.tls,
  });

  const patience = setTimeout(() => {
    fresh = undefined;
    steer();
  }, PATIENCE);
  patience.unref();

  const gates = openGates(context.listeners, config.backlog, (socket, listener) => {
    open++;
    fresh = socket;
    patience.refresh();
    steer();
    front.accept(socket, listener);
  });
  steer();

  return {
    drain: (idle) => front.drain(idle, gates.finish(idle, free)),
    stop() {
      gates.close();
      front.stop();
    },
  };
}
