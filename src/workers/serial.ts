// One request at a time. While one runs the gate is closed, so that a client never waits behind a request that it
// can't see when a sibling is idle. It runs for as long as the application works on it, also where its client has gone.

import type { Socket } from "node:net";
import type { Exchange } from "../protocols/exchange.ts";
import { createFront } from "../protocols/front.ts";
import type { Serving, WorkerContext } from "./contract.ts";
import { openGates } from "./gates.ts";
import { createTurn } from "./turn.ts";

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
  const { config, handle, over, log } = context;
  const most = connections || Number.POSITIVE_INFINITY;
  /** Requests that came while another ran: on connections kept open, or that took longer than PATIENCE to send them. */
  const waiting: Exchange[] = [];
  let fresh: Socket | undefined;
  let open = 0;

  const free = (): boolean => turn.exchange === undefined && fresh === undefined && open < most;
  const steer = (): void => {
    if (free()) gates.resume();
    else gates.pause();
  };

  const goOn = (): void => {
    const next = waiting.shift();
    if (next !== undefined) turn.begin(next);
    else steer();
  };

  const turn = createTurn({ config, handle, onEnd: goOn, log });

  const front = await createFront(context.listeners, {
    config,
    keepAlive,
    countBytes: context.countBytes,
    connections: context.connections,
    onExchange(exchange) {
      if (exchange.connection.socket === fresh) fresh = undefined;
      if (turn.exchange !== undefined) return void waiting.push(exchange);
      turn.begin(exchange);
      // The gate is open until now where the connection had been silent for a while.
      steer();
    },
    onOver(exchange) {
      if (exchange === turn.exchange) {
        over?.(exchange);
        turn.over();
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
      if (exchange === turn.exchange) turn.end();
    },
    onConnectionClosed(socket) {
      open--;
      if (socket === fresh) fresh = undefined;
      steer();
    },
    log,
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
    async drain(idle) {
      turn.hurry();
      await front.drain(idle, gates.finish(idle, free));
      await turn.ended();
    },
    stop() {
      gates.close();
      front.stop();
    },
  };
}
