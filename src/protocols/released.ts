// When an application has done with Node's pair whose client is gone. Nobody tells: a callback may come at any time.

import type { IncomingMessage, ServerResponse } from "node:http";

export interface Pairing {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** How many listen for `close` on the response who are not the application. */
  readonly own: number;
}

/** See Exchange.whenReleased(). To be called before anything of the pair has emitted `close`. */
export function whenReleased(pairing: Pairing, pending: boolean, released: () => void): void {
  const { res } = pairing;
  let waits = true;
  const release = (): void => {
    if (!waits) return;
    waits = false;
    // What runs now is the application, or it is about to be told.
    setImmediate(released);
  };
  if (isStuck(pairing)) return release();
  // Whoever listens for the client's end has been told, whatever its promise waits for: Next's settles only at `finish`.
  if (pending) return isTold(pairing) ? release() : undefined;
  if (res.writableEnded || res.destroyed || isTold(pairing)) return release();
  res.once("pipe", release);
  // Own properties, since Express puts another prototype under every response.
  for (const name of ["end", "destroy"]) {
    const plain: unknown = Reflect.get(res, name);
    if (typeof plain !== "function") continue;
    const value = function (this: unknown, ...args: readonly unknown[]): unknown {
      release();
      return Reflect.apply(plain, this, args);
    };
    Object.defineProperty(res, name, { value, configurable: true, writable: true });
  }
}

const hearsRequest = ({ req }: Pairing): boolean =>
  !req.closed && req.listenerCount("close") + req.listenerCount("aborted") > 0;

/** The end of a body that has broken off never comes. */
const awaitsBody = ({ req }: Pairing): boolean =>
  !req.complete && ["data", "end", "readable"].some((event) => req.listenerCount(event) > 0);

/** It waits for what a client's going keeps from coming, a body's end or an answer's `finish`, and doesn't listen for that. */
function isStuck(pairing: Pairing): boolean {
  const { req, res, own } = pairing;
  if (hearsRequest(pairing)) return false;
  if (awaitsBody(pairing)) return req.listenerCount("error") === 0;
  // Each pipe listens for both.
  const pipes = res.listenerCount("unpipe");
  return pipes > 0 && res.listenerCount("close") <= own + pipes;
}

/** It need not end anything then, as streams, long polls and handlers of server-sent events don't. */
function isTold(pairing: Pairing): boolean {
  const { res, own } = pairing;
  if (hearsRequest(pairing) || awaitsBody(pairing) || res.listenerCount("unpipe") > 0) return true;
  // Loggers, which are there in every request, listen to both alike.
  const finish = res.listeners("finish");
  return res.listeners("close").filter((listener) => !finish.includes(listener)).length > own;
}
