// What one event loop counts of requests and connections, where somebody may ask for it: put around the pipeline and beside
// the front, and written to a file that outlives the process.

import { writeSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { createLedger, type Ledger } from "../metrics/ledger.ts";
import { LEDGER_BYTES, type Losses } from "../metrics/row.ts";
import { ACCEPTED_AT, type ConnectionCounts } from "../protocols/front.ts";
import { observeLoop } from "./loop-gauges.ts";
import type { Pipeline } from "./pipeline.ts";

export interface Counting extends Pick<Ledger, "timedOut" | "threadEnded" | "flush"> {
  readonly connections: ConnectionCounts;
  /** Counts the pipeline's requests. */
  track(pipeline: Pipeline): Pipeline;
}

/** How long what is not a request's end may wait to be written, in milliseconds. */
const LAZY = 100;

/**
 * `fd` is the ledger's file, and `place` which of its rows is this loop's: 0 the process's own, from 1 a thread's. `lost` tells
 * what the logs of this thread have lost: to be called when they are open, since what they lose by the end is counted after them.
 */
export function startCounting(fd: number, place: number, lost: () => Losses): Counting {
  const ledger = createLedger({
    write: rowWriter(fd, place),
    later: setImmediate,
    lazily: (callback) => void setTimeout(callback, LAZY).unref(),
  });
  observeLoop(ledger, lost);
  const { timedOut, threadEnded } = ledger;
  const flush = (): void => {
    ledger.lost(lost());
    ledger.flush();
  };
  // Most of what logs lose they lose here, in listeners that are older than this one.
  process.on("exit", flush);
  return {
    connections: ledger,
    track: (pipeline) => counted(pipeline, ledger),
    timedOut,
    threadEnded,
    flush,
  };
}

/** What can't be written is written the next time: counting fails nobody. */
function rowWriter(fd: number, place: number): (bytes: Uint8Array, length: number) => void {
  return (bytes, length) => {
    try {
      writeSync(fd, bytes, 0, length, place * LEDGER_BYTES);
    } catch {
      // There is nobody to tell: the arbiter's figures are a little old then.
    }
  };
}

function counted({ handle, over, upgraded }: Pipeline, ledger: Ledger): Pipeline {
  return {
    handle(exchange) {
      ledger.begun();
      const { socket } = exchange.connection;
      const acceptedAt = socket[ACCEPTED_AT];
      // Of a connection its first request alone: the time between others is the client's.
      if (acceptedAt !== undefined && acceptedAt > 0) {
        socket[ACCEPTED_AT] = 0;
        ledger.waited(performance.now() - acceptedAt);
      }
      return handle(exchange);
    },
    over(exchange) {
      const { status } = exchange;
      const took = performance.now() - exchange.startedAt;
      if (status === 101) ledger.downgraded();
      else ledger.ended(exchange.method, status, took, exchange.bodyBytes);
      over?.(exchange, took);
    },
    upgraded(exchange) {
      ledger.ended(exchange.method, 101, performance.now() - exchange.startedAt, 0);
      ledger.upgraded();
      upgraded?.(exchange);
    },
    countBytes: true,
  };
}
