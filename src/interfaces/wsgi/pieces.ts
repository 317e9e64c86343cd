// Sends a body that comes piece by piece, no faster than the client takes it, and stops when the client is gone.

import { inspect } from "node:util";
import type { Exchange } from "../../protocols/exchange.ts";
import type { WsgiResponse } from "./response.ts";

type Step = IteratorResult<unknown, unknown>;

interface Pieces {
  next(): Step | Promise<Step>;
  return?(): unknown;
}

/** Resolves when all is sent or the client is gone; rejects when the application fails. */
export async function sendPieces(exchange: Exchange, response: WsgiResponse, body: unknown): Promise<void> {
  const pieces = iterate(body);
  const client = watch(exchange);
  let finished = false;
  try {
    while (!response.complete) {
      const next = pieces.next();
      const step = next instanceof Promise ? await client.orGone(next) : next;
      if (step === undefined) return;
      if (step.done) {
        finished = true;
        break;
      }
      if (response.wants(step.value) && !response.send(step.value) && !(await isThere(exchange))) return;
    }
    response.finish();
  } finally {
    client.stop();
    if (!finished) leave(pieces);
  }
}

function iterate(body: unknown): Pieces {
  for (const symbol of [Symbol.asyncIterator, Symbol.iterator]) {
    const make: unknown = typeof body === "object" && body !== null ? Reflect.get(body, symbol) : undefined;
    if (typeof make === "function") return Reflect.apply(make, body, []);
  }
  throw new TypeError(
    `the application returned ${inspect(body, { depth: 0 })}: an iterable of strings or bytes is needed, such as ["text"]`,
  );
}

interface Client {
  /** What `step` comes to, or undefined where the client leaves before. */
  orGone(step: Promise<Step>): Promise<Step | undefined>;
  stop(): void;
}

/** Made for the first piece that has to be waited for. */
function watch(exchange: Exchange): Client {
  let signal: AbortSignal | undefined;
  let wake: () => void = () => {};
  const gone = (): void => wake();
  return {
    orGone(step) {
      if (signal === undefined) {
        signal = exchange.signal;
        signal.addEventListener("abort", gone, { once: true });
      }
      if (signal.aborted) {
        step.catch(() => {});
        return Promise.resolve(undefined);
      }
      return new Promise((resolve, reject) => {
        wake = () => resolve(undefined);
        step.then(resolve, reject);
      });
    },
    stop() {
      signal?.removeEventListener("abort", gone);
    },
  };
}

async function isThere(exchange: Exchange): Promise<boolean> {
  try {
    await exchange.drained();
    return true;
  } catch {
    return false;
  }
}

/** Lets a generator run its `finally`. Not waited for: one that is stuck would never answer. */
function leave(pieces: Pieces): void {
  try {
    const leaving = pieces.return?.();
    if (leaving instanceof Promise) leaving.catch(() => {});
  } catch {
    // The answer has failed or is complete already; the first error is the one that counts.
  }
}
