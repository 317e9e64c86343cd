// How connections that speak another protocol come to their end when the worker drains.

import { afterReading } from "../idle.ts";
import type { Http1Connection } from "./connection.ts";
import type { Handshake } from "./handshake.ts";

export interface Departure {
  /** Begins to ask them, and ends what does not go. `code` as in Upgrade.take(). */
  begin(code: number): void;
  /** One has left HTTP: it is asked too, where the others have been. */
  joined(handshake: Handshake): void;
}

/** How long the other end may take to answer a close frame, in milliseconds. */
const PATIENCE = 2_000;
/** What is kept of gracefulTimeout for the process to end in good order, in milliseconds. */
const RESERVE = 1_000;

export function createDeparture(connections: Iterable<Http1Connection>, gracefulTimeout: number): Departure {
  const most = gracefulTimeout * 1_000;
  let leaving: number | undefined;
  let asked = false;

  const ask = (handshake: Handshake): void => {
    const { stream: socket } = handshake.connection;
    const polite = handshake.protocol === "websocket";
    const left = polite ? Math.min(PATIENCE, most / 2) : Math.max(most - RESERVE, most / 2);
    const timer = setTimeout(() => socket.destroy(), left).unref();
    socket.once("close", () => clearTimeout(timer));
    handshake.leave(leaving ?? 1001);
  };

  return {
    begin(code) {
      if (leaving !== undefined) return;
      leaving = code;
      // Messages that have come in get their answers first: what follows a close frame is nobody's.
      afterReading(() => {
        asked = true;
        for (const { upgraded } of connections) if (upgraded !== undefined) ask(upgraded);
      });
    },
    joined(handshake) {
      // Its answer is not written yet.
      if (asked) setImmediate(() => ask(handshake));
    },
  };
}
