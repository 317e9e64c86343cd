// Holds what happens until the worker can look at it, and then hands it over, one at a time.

import type { WorkerInput } from "./lifecycle.ts";

export interface Inbox {
  put(input: WorkerInput): void;
  /** From now on `receiver` gets everything, what came before first. */
  attach(receiver: (input: WorkerInput) => void): void;
}

export function createInbox(): Inbox {
  const waiting: WorkerInput[] = [];
  let receiver: ((input: WorkerInput) => void) | undefined;
  let busy = false;

  const deliver = (): void => {
    if (busy || receiver === undefined) return;
    busy = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) receiver(next);
    busy = false;
  };

  return {
    put(input) {
      waiting.push(input);
      deliver();
    },
    attach(next) {
      receiver = next;
      deliver();
    },
  };
}
