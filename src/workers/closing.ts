// What an application does at the end of a worker's life: its own close() or shutdown, ASGI's lifespan; between the last answer
// and workerExit.

import type { ErrorLog } from "../log/error-log.ts";
import { within } from "../within.ts";
import type { Serving } from "./contract.ts";

export interface ClosingOptions {
  readonly close: () => unknown;
  /** What a drain may take altogether, in milliseconds: gracefulTimeout. */
  readonly most: number;
  readonly log: Pick<ErrorLog, "warning" | "exception">;
}

/** What is kept of the time for the process to end in good order, in milliseconds. */
const RESERVE = 1_000;

/** `serving`, whose drain ends when the application is closed too. */
export function closingAfterwards(serving: Serving, { close, most, log }: ClosingOptions): Serving {
  let closed: Promise<void> | undefined;
  const closeOnce = async (left: number): Promise<void> => {
    try {
      if ((await within(left, close())) === "late")
        log.warning("The application's shutdown takes too long, the worker ends without it");
    } catch (error) {
      log.exception("The application's shutdown failed", error);
    }
  };
  let deadline = Number.POSITIVE_INFINITY;
  return {
    async drain(idle) {
      deadline = Math.min(deadline, performance.now() + most);
      await serving.drain(idle);
      const left = Math.max(0, deadline - performance.now());
      closed ??= closeOnce(Math.max(left - RESERVE, left / 2));
      await closed;
    },
    stop: () => serving.stop(),
  };
}
