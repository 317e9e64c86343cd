// What one event loop does from time to time: it beats for its watchdog and sweeps the deadlines of its requests.

import inspector from "node:inspector";
import { isMainThread } from "node:worker_threads";
import type { Config } from "../config/config.ts";
import { duration } from "../log/in-flight.ts";
import { quoteBytes } from "../log/quote.ts";
import { createDeadlines, type Deadlines } from "./deadlines.ts";
import { BOOT_INTERVAL, sweepInterval } from "./intervals.ts";
import type { Pipeline } from "./pipeline.ts";
import { renderReport, slowFirst, slowTitle } from "./report.ts";
import { createVitals, sharedNow, type Vitals } from "./vitals.ts";

export interface PulseOptions {
  readonly config: Pick<Config, "timeout" | "requestTimeout" | "slowRequest">;
  readonly log: { warning(message: string): void };
  /** The name of the loop in the log: workerName(). */
  readonly worker: string;
  /** Whether another thread watches this loop. */
  readonly watched: boolean;
  /** Whether nobody calls beat(). Default false. */
  readonly beatsAlone?: boolean;
  /** A request's time was over. */
  readonly timedOut?: (() => void) | undefined;
}

export interface Pulse {
  /** For the thread that watches; undefined where none does. */
  readonly vitals: Vitals | undefined;
  /** Says that the loop runs. It does so by itself until serving(), and where `timeout` is 0. */
  beat(): void;
  /** The application is loaded. From now on whoever tells the arbiter that the loop runs calls beat() at the same time. */
  serving(): void;
  /** Puts the requests under watch. Where nothing is to be watched, it is the same pipeline. */
  track(pipeline: Pipeline): Pipeline;
}

export function startPulse(options: PulseOptions): Pulse {
  const { config, log, worker, watched, beatsAlone = false, timedOut } = options;
  // What is written in a thread is read by the process's main thread, which has its own loop to run.
  const vitals = watched ? createVitals(isMainThread) : undefined;
  const limited = config.requestTimeout > 0 || config.slowRequest > 0;
  if (vitals === undefined && !limited) {
    return { vitals, beat: nothing, serving: nothing, track: (pipeline) => pipeline };
  }
  let alone = true;
  const beat = (): void => vitals?.beat(sharedNow(), inspector.url() !== undefined);

  const deadlines: Deadlines = createDeadlines({
    config,
    vitals,
    now: sharedNow,
    onTimeout(exchange, milliseconds, outcome) {
      timedOut?.();
      const done = outcome === "answered" ? "it is answered with 504" : "its answer is cut";
      const line = quoteBytes(`${exchange.method} ${exchange.target}`);
      log.warning(`Request timeout (${worker}): ${line} took ${duration(milliseconds)}, ${done}`);
    },
    onSlow(slow, blocked) {
      const all = deadlines.requests();
      const now = sharedNow();
      const requests = slowFirst(slow, all);
      const stack = { type: "waiting", blocked } as const;
      log.warning(
        renderReport({ what: slowTitle(slow, now), worker, now, requests, count: all.length, stack }),
      );
    },
  });

  const tick = (): void => {
    if (alone) beat();
    else vitals?.runs(sharedNow());
    deadlines.sweep();
  };
  const every = sweepInterval(config);
  let timer = setInterval(tick, Math.min(every, BOOT_INTERVAL)).unref();
  beat();

  return {
    vitals,
    beat,
    serving() {
      alone = beatsAlone || config.timeout === 0;
      clearInterval(timer);
      timer = setInterval(tick, every).unref();
      beat();
    },
    track: (pipeline) => tracked(pipeline, deadlines),
  };
}

const nothing = (): void => undefined;

function tracked({ handle, over, upgraded, countBytes }: Pipeline, deadlines: Deadlines): Pipeline {
  return {
    handle(exchange) {
      deadlines.begin(exchange);
      return handle(exchange);
    },
    over(exchange, took) {
      deadlines.end(exchange);
      over?.(exchange, took);
    },
    upgraded(exchange) {
      deadlines.end(exchange);
      upgraded?.(exchange);
    },
    countBytes,
  };
}
