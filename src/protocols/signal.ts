// `req.signal` of Node's requests: aborts when the client goes away or the request's time is over.

import { IncomingMessage } from "node:http";
import { CONNECTION, exchangeOfRequest } from "./exchange.ts";
import { goneError } from "./gone.ts";

const abortedBy: unique symbol = Symbol("abortedBy");

declare module "node:http" {
  interface IncomingMessage {
    [abortedBy]?: Error;
  }
}

/** An accessor, so that only who asks for a signal has one made. Applications may put something of their own there. */
const SIGNAL: PropertyDescriptor & ThisType<IncomingMessage> = {
  configurable: true,
  get() {
    const signal = signalOf(this);
    Object.defineProperty(this, "signal", { value: signal, writable: true, configurable: true });
    return signal;
  },
  set(value: unknown) {
    Object.defineProperty(this, "signal", { value, writable: true, configurable: true, enumerable: true });
  },
};

export class SignallingRequest extends IncomingMessage {}
Object.defineProperty(SignallingRequest.prototype, "signal", SIGNAL);

/**
 * Express and its like put a prototype of their own under every request, which stands on Node's. So Node's has it too: done
 * once, that costs a request nothing, where a property of each costs 75 ns. Messages that are not of this server keep what
 * Node 26 has of its own.
 */
const own = Object.getOwnPropertyDescriptor(IncomingMessage.prototype, "signal");
Object.defineProperty(IncomingMessage.prototype, "signal", {
  ...SIGNAL,
  get(this: IncomingMessage): unknown {
    return CONNECTION in this.socket ? SIGNAL.get?.call(this) : own?.get?.call(this);
  },
});

function signalOf(req: IncomingMessage): AbortSignal {
  const signal = signalIn(exchangeOfRequest(req));
  if (signal !== undefined) return signal;
  // It is over, and its connection may serve others by now.
  const reason = req[abortedBy] ?? (req.socket.destroyed ? goneError() : undefined);
  return reason === undefined ? new AbortController().signal : AbortSignal.abort(reason);
}

function signalIn(exchange: unknown): AbortSignal | undefined {
  if (typeof exchange !== "object" || exchange === null || !("signal" in exchange)) return undefined;
  // Read once: the first to ask has it made.
  const { signal } = exchange;
  return signal instanceof AbortSignal ? signal : undefined;
}

/** Remembers the reason for whoever asks once the exchange is over. */
export function rememberAbort(req: IncomingMessage, reason: Error): void {
  req[abortedBy] = reason;
}
