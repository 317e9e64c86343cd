// Serves an ASGI application.

import type { Exchange, Handler } from "../../protocols/exchange.ts";
import { within } from "../../within.ts";
import type { SendEvent, WebSocketScope } from "../asgi.ts";
import type { Callable } from "../detect.ts";
import { demandEvent } from "./event.ts";
import { ClientGone } from "./gone.ts";
import { type Offer, readOffer, refuse } from "./handshake.ts";
import { createLifespan, type LifespanMode } from "./lifespan.ts";
import { AsgiRequest } from "./request.ts";
import { AsgiResponse } from "./response.ts";
import { httpScope, type State, webSocketScope } from "./scope.ts";
import type { AsgiSocket, AsgiSocketContext } from "./websocket.ts";
import type { WireSettings } from "./wire.ts";

export interface AsgiSettings extends WireSettings {
  readonly lifespan: LifespanMode;
  /** Milliseconds that calls for WebSockets may take after those are closed, until the lifespan ends. */
  readonly patience: number;
}

export interface AsgiLog {
  debug(message: string): void;
  warning(message: string): void;
  error(message: string): void;
}

export interface AsgiServing {
  readonly handle: Handler;
  readonly upgrades: (protocol: string) => boolean;
  startup(): Promise<void>;
  shutdown(): Promise<void>;
}

export function serveAsgi(app: Callable, settings: AsgiSettings, log: AsgiLog): AsgiServing {
  const lifespan = createLifespan(app, { mode: settings.lifespan, log });
  const calls = createCalls();
  let sockets: WebSockets | undefined;
  let preparing: Promise<WebSockets> | undefined;

  /** ws is loaded when the first WebSocket is asked for. */
  const prepare = async (): Promise<WebSockets> => {
    const [{ createWire }, { AsgiSocket }] = await Promise.all([
      import("./wire.ts"),
      import("./websocket.ts"),
    ]);
    sockets = { app, AsgiSocket, wire: createWire(settings), log, calls, accepted: calls.begin };
    return sockets;
  };

  const handle: Handler = (exchange) => {
    if (exchange.upgrade === undefined) return serveHttp(app, exchange, lifespan.state, log);
    const offer = readOffer(exchange);
    if ("status" in offer) return refuse(exchange, offer);
    if (sockets !== undefined) return serveWebSocket(sockets, exchange, offer, lifespan.state);
    preparing ??= prepare();
    return preparing.then((common) => serveWebSocket(common, exchange, offer, lifespan.state));
  };

  return {
    handle,
    upgrades: (protocol) => protocol === "websocket",
    startup: () => lifespan.startup(),
    async shutdown() {
      await within(settings.patience, calls.ended());
      await lifespan.shutdown();
    },
  };
}

async function serveHttp(
  app: Callable,
  exchange: Exchange,
  state: State | undefined,
  log: AsgiLog,
): Promise<void> {
  const request = new AsgiRequest(exchange);
  const response = new AsgiResponse(exchange, (message) => log.warning(message));
  const send = async (event: SendEvent): Promise<void> => {
    demandEvent(event);
    await response.take(withoutPrefix(event.type, "http.response."), event);
    if (response.phase === "complete") request.finish();
  };
  try {
    await app(httpScope(exchange, state), request.receive, send);
  } catch (error) {
    if (error instanceof ClientGone) return;
    throw error;
  }
  if (response.phase === "complete" || exchange.signal.aborted) return;
  throw new Error(
    response.begun
      ? "the ASGI application returned before its answer was complete"
      : "the ASGI application returned without an answer",
  );
}

/** What follows the prefix; of another message, its whole name. */
const withoutPrefix = (type: string, prefix: string): string =>
  type.startsWith(prefix) ? type.slice(prefix.length) : type;

/** Calls that have accepted a WebSocket and not returned: they may have things to end when that is closed. */
interface Calls {
  begin(): void;
  end(): void;
  /** Resolves when there are none. */
  ended(): Promise<void>;
}

function createCalls(): Calls {
  let running = 0;
  let waiting: (() => void)[] = [];
  return {
    begin: () => void running++,
    end() {
      if (--running > 0) return;
      for (const one of waiting) one();
      waiting = [];
    },
    ended: () =>
      new Promise((resolve) => {
        if (running === 0) resolve();
        else waiting.push(resolve);
      }),
  };
}

/** What all WebSockets of an application have in common. */
interface WebSockets extends AsgiSocketContext {
  readonly AsgiSocket: typeof AsgiSocket;
  readonly app: Callable;
  readonly calls: Calls;
}

function serveWebSocket(
  common: WebSockets,
  exchange: Exchange,
  { subprotocols }: Offer,
  state: State | undefined,
): Promise<void> {
  const socket = new common.AsgiSocket(common, exchange, subprotocols);
  return untilReturned(common, webSocketScope(exchange, state, subprotocols), socket);
}

/** Apart from the rest: what is at hand here stays for as long as the WebSocket. */
async function untilReturned(
  { app, calls }: WebSockets,
  scope: WebSocketScope,
  socket: AsgiSocket,
): Promise<void> {
  try {
    await app(scope, socket.receive, socket.send);
    if (socket.phase === "open") return socket.close(1000);
    if (socket.phase === "closed" || socket.answered) return;
    throw new Error("the ASGI application returned without accepting or closing the WebSocket");
  } catch (error) {
    if (!(error instanceof ClientGone)) throw error;
  } finally {
    if (socket.accepted) calls.end();
  }
}
