// Whose turn it is, where an application gets one request at a time. A turn lasts until the exchange is over and the
// application has done with it: one that works on for a client that has gone, or after its answer, is still at work.

import type { Config } from "../config/config.ts";
import { duration } from "../log/in-flight.ts";
import { quoteBytes } from "../log/quote.ts";
import type { Exchange } from "../protocols/exchange.ts";
import { LONGEST_TIMER } from "../within.ts";
import type { WorkerContext } from "./contract.ts";

export interface TurnOptions {
  readonly config: Pick<Config, "requestTimeout" | "timeout" | "gracefulTimeout">;
  readonly handle: WorkerContext["handle"];
  /** The turn is over: the next may begin. */
  readonly onEnd: () => void;
  readonly log: Pick<WorkerContext["log"], "warning">;
}

export interface Turn {
  /** Whose it is. */
  readonly exchange: Exchange | undefined;
  begin(exchange: Exchange): void;
  /** Its exchange is over: the turn ends now, or with the application's work. */
  over(): void;
  /** Ends it, whatever the application does. */
  end(): void;
  /** The worker is to end: from now on no application is waited for longer than half of gracefulTimeout. */
  hurry(): void;
  /** Resolves when it is nobody's. */
  ended(): Promise<void>;
}

/** How long to wait where both limits are 0, in seconds: the default of `timeout`. A worker that waits for ever is lost. */
const FALLBACK = 30;

export function createTurn({ config, handle, onEnd, log }: TurnOptions): Turn {
  const patience = (config.requestTimeout || config.timeout || FALLBACK) * 1_000;
  let running: Exchange | undefined;
  /** The application is being called, or its promise has not settled. */
  let working = false;
  let isOver = false;
  /** When its end was first waited for; 0 while it is not. */
  let waitsSince = 0;
  let timer: NodeJS.Timeout | undefined;
  let hurriedUntil = Number.POSITIVE_INFINITY;
  const waiting: (() => void)[] = [];

  const end = (): void => {
    clearTimeout(timer);
    timer = undefined;
    waitsSince = 0;
    isOver = false;
    running = undefined;
    onEnd();
    if (running === undefined) for (const tell of waiting.splice(0)) tell();
  };

  const stopped = (exchange: Exchange): void => {
    if (exchange !== running) return;
    working = false;
    if (isOver) leave(exchange);
  };

  const giveUp = (exchange: Exchange): void => {
    const line = quoteBytes(`${exchange.method} ${exchange.target}`);
    const since = duration(performance.now() - waitsSince);
    log.warning(
      `Request given up: the application still works on ${line}, ${since} after ` +
        `${exchange.complete ? "its answer" : "its client has gone"}. The next one is taken all the same`,
    );
    end();
  };

  const wait = (exchange: Exchange): void => {
    const now = performance.now();
    waitsSince ||= now;
    const until = Math.min(waitsSince + patience + exchange.extraTime, hurriedUntil);
    clearTimeout(timer);
    const left = Math.max(0, until - now);
    timer =
      left > LONGEST_TIMER
        ? setTimeout(wait, LONGEST_TIMER, exchange).unref()
        : setTimeout(giveUp, left, exchange).unref();
  };

  /** It is over, and the application's promise, where there was one, has settled. */
  const leave = (exchange: Exchange): void => {
    // A promise that was waited for has said it all.
    if (exchange.complete || waitsSince > 0) return end();
    watch(exchange, false);
  };

  const watch = (exchange: Exchange, pending: boolean): void => {
    wait(exchange);
    if (exchange.complete) return;
    exchange.whenReleased(pending, () => {
      if (exchange === running) end();
    });
  };

  return {
    get exchange() {
      return running;
    },
    begin(exchange) {
      running = exchange;
      working = true;
      const answering = handle(exchange);
      if (answering === undefined) return stopped(exchange);
      const settled = (): void => stopped(exchange);
      answering.then(settled, settled);
    },
    over() {
      if (running === undefined) return;
      isOver = true;
      if (!working) return leave(running);
      // What could be done about one whose time was over has been done.
      if (isTimeout(running.signal.reason)) end();
      else watch(running, true);
    },
    end,
    hurry() {
      hurriedUntil = Math.min(hurriedUntil, performance.now() + config.gracefulTimeout * 500);
      if (running !== undefined && timer !== undefined) wait(running);
    },
    ended: () =>
      running === undefined ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve)),
  };
}

const isTimeout = (reason: unknown): boolean => reason instanceof Error && reason.name === "TimeoutError";
