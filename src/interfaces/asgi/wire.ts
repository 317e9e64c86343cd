// WebSockets on the wire, by ws: opened where the application has accepted one, and kept alive.

import { type WebSocket, WebSocketServer } from "ws";
import type { Exchange } from "../../protocols/exchange.ts";

export interface WireSettings {
  /** The largest message, in bytes; 0 is no limit. */
  readonly maxSize: number;
  /** Milliseconds between pings; 0 sends none. */
  readonly pingInterval: number;
  /** Milliseconds in which a ping has to be answered; 0 is for ever. */
  readonly pingTimeout: number;
}

export interface Acceptance {
  readonly subprotocol: string | undefined;
  /** Names and values by turns. */
  readonly headers: readonly string[];
  /** As in Upgrade.take(). */
  readonly leave: (code: number) => void;
}

export interface Wire {
  /** Undefined where the client is gone. */
  open(exchange: Exchange, acceptance: Acceptance): WebSocket | undefined;
}

interface Alive {
  /** When it is to be pinged, or, after that, when the answer has to be there. */
  due: number;
  pinged: boolean;
}

export function createWire({ maxSize, pingInterval, pingTimeout }: WireSettings): Wire {
  /** ws asks for both while it opens one. */
  let opening: Acceptance | undefined;
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxSize,
    handleProtocols: () => opening?.subprotocol ?? false,
  });
  server.on("headers", (lines) => {
    const { headers = [] } = opening ?? {};
    for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  });
  const keep = pingInterval > 0 ? keepAlive(pingInterval, pingTimeout) : undefined;

  return {
    open(exchange, acceptance) {
      const { req } = exchange.node();
      const { upgrade } = exchange;
      if (upgrade === undefined) return undefined;
      const { socket, head } = upgrade.take(acceptance.leave);
      let opened: WebSocket | undefined;
      opening = acceptance;
      try {
        server.handleUpgrade(req, socket, head, (one) => {
          opened = one;
        });
      } finally {
        opening = undefined;
      }
      if (opened !== undefined) keep?.(opened);
      return opened;
    },
  };
}

/** Pings, and ends whose pings are not answered. One timer looks at all of them. */
function keepAlive(interval: number, timeout: number): (socket: WebSocket) => void {
  const kept = new Map<WebSocket, Alive>();
  const patience = timeout === 0 ? Number.POSITIVE_INFINITY : timeout;
  const every = Math.min(1_000, Math.max(10, Math.min(interval, patience) / 4));
  let timer: NodeJS.Timeout | undefined;

  /** The answer may be there, unread: a timer that is due runs before the event loop looks at its sockets. */
  const giveUp = (socket: WebSocket, one: Alive): void => {
    const end = (): void => {
      if (kept.get(socket) === one && one.pinged && !socket.isPaused) socket.terminate();
    };
    setImmediate(() => setImmediate(end));
  };

  const look = (): void => {
    const now = performance.now();
    for (const [socket, one] of kept) {
      // While the application takes nothing, no answer can come through either.
      if (socket.isPaused) one.due = Math.max(one.due, now + every);
      if (now < one.due) continue;
      if (one.pinged) {
        giveUp(socket, one);
        continue;
      }
      one.pinged = true;
      one.due = now + patience;
      socket.ping();
    }
  };

  // One of each for all of them: ws calls them upon the WebSocket.
  function onPong(this: WebSocket): void {
    const one = kept.get(this);
    if (one === undefined) return;
    one.pinged = false;
    one.due = performance.now() + interval;
  }

  function onClose(this: WebSocket): void {
    kept.delete(this);
    if (kept.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  return (socket) => {
    kept.set(socket, { due: performance.now() + interval, pinged: false });
    timer ??= setInterval(look, every).unref();
    socket.on("pong", onPong);
    socket.on("close", onClose);
  };
}
