// The time limits of requests on one event loop. No request has a timer: all in flight stand in a table, which one
// timer of the loop sweeps.

import type { Config } from "../config/config.ts";
import type { Exchange } from "../protocols/exchange.ts";
import { sweepInterval } from "./intervals.ts";
import { clientOf, PLACES, type RequestInFlight, shared, type Vitals } from "./vitals.ts";

/** A sweep that comes this much later than due, in milliseconds, means a stopped process or a loop that was stuck. */
const STALLED_AFTER = 1_000;

export type Outcome =
  /** 504 was sent: nothing of an answer had been. */
  | "answered"
  /** The answer had begun: its connection is closed without completing it. */
  | "cut";

export interface DeadlineOptions {
  readonly config: Pick<Config, "requestTimeout" | "slowRequest">;
  /** Where other threads see what is in flight. */
  readonly vitals: Vitals | undefined;
  /** Milliseconds on the clock of the vitals. */
  readonly now: () => number;
  /** A request's time was over; after `milliseconds`. */
  readonly onTimeout: (exchange: Exchange, milliseconds: number, outcome: Outcome) => void;
  /** These have become slow; each is told of once. The loop was blocked until now for so long that it explains that, or 0. */
  readonly onSlow: (slow: readonly RequestInFlight[], blocked: number) => void;
}

export interface Deadlines {
  /** To be called before the application gets the exchange. */
  begin(exchange: Exchange): void;
  /** To be called once the exchange is over. */
  end(exchange: Exchange): void;
  /** To be called by the loop's timer. */
  sweep(): void;
  /** Requests in flight, the longest first; none where there is no limit. */
  requests(): RequestInFlight[];
}

export function createDeadlines(options: DeadlineOptions): Deadlines {
  const { config, vitals, now, onTimeout, onSlow } = options;
  const limit = config.requestTimeout === 0 ? Number.POSITIVE_INFINITY : config.requestTimeout * 1_000;
  const slow = config.slowRequest === 0 ? Number.POSITIVE_INFINITY : config.slowRequest * 1_000;
  const limited = limit !== Number.POSITIVE_INFINITY || slow !== Number.POSITIVE_INFINITY;
  const interval = sweepInterval({ ...config, timeout: 0 });

  /** Places that are given up are used again, the latest first, those that another thread sees before others. */
  const free: number[] = [];
  const unseen: number[] = [];
  /** All below it are taken or free. */
  let places = 0;
  /** By place, where there is a limit to sweep for. */
  const exchanges: (Exchange | undefined)[] = [];
  const began: number[] = [];
  const forgiven: number[] = [];
  /** 0, or what has been done: bits. */
  const done: number[] = [];
  let sweptAt = now();

  const told = (place: number, exchange: Exchange): RequestInFlight => ({
    line: `${exchange.method} ${exchange.target}`,
    client: clientOf(exchange.client.address, exchange.client.port),
    began: began[place] ?? 0,
  });

  /** True once for a request that has become slow, unless the watchdog has told of it. */
  const isNewlySlow = (place: number, at: number): boolean => {
    const before = done[place] ?? 0;
    if (at - (began[place] ?? at) < slow || (before & SLOW) !== 0) return false;
    done[place] = before | SLOW;
    return vitals?.tell(place) !== false;
  };

  /** For how long the loop was blocked until `at`, where that explains a slow request. */
  const blockedUntil = (at: number): number => {
    const late = at - sweptAt - interval;
    return late >= slow / 2 ? late : 0;
  };

  const look = (place: number, exchange: Exchange, at: number, slowOnes: RequestInFlight[]): void => {
    const age = at - (began[place] ?? at);
    const before = done[place] ?? 0;
    if (isNewlySlow(place, at)) slowOnes.push(told(place, exchange));
    if (age < limit + (forgiven[place] ?? 0) + exchange.extraTime || (before & OVER) !== 0) return;
    done[place] = (done[place] ?? 0) | OVER;
    // The application has done its part, and only the client is slow.
    if (exchange.complete) return;
    exchange.abort(timeoutError(age));
    // It may have answered at once on being told.
    if (!exchange.complete) onTimeout(exchange, age, finish(exchange));
  };

  return {
    begin(exchange) {
      const place = free.pop() ?? unseen.pop() ?? places++;
      exchange.place = place;
      // Who only watches need not know how long the request waited for its turn.
      if (!limited) return vitals?.begin(place, exchange, shared(exchange.startedAt));
      const at = now();
      // Asked while the client is there: it may have gone when the request is told of.
      if (slow !== Number.POSITIVE_INFINITY) void exchange.connection.peer;
      exchanges[place] = exchange;
      began[place] = at;
      forgiven[place] = 0;
      done[place] = 0;
      vitals?.begin(place, exchange, at);
    },
    end(exchange) {
      const { place } = exchange;
      if (place < 0) return;
      if (slow !== Number.POSITIVE_INFINITY) {
        // One that has blocked the loop is over before the next sweep.
        const at = now();
        if (isNewlySlow(place, at)) onSlow([told(place, exchange)], blockedUntil(at));
      }
      if (limited) exchanges[place] = undefined;
      exchange.place = -1;
      (place < PLACES ? free : unseen).push(place);
      vitals?.end(place);
    },
    sweep() {
      const at = now();
      if (!limited) return;
      // Nobody is judged for time in which nothing of this process ran.
      const late = at - sweptAt - interval;
      const blocked = blockedUntil(at);
      sweptAt = at;
      const slowOnes: RequestInFlight[] = [];
      for (const [place, exchange] of exchanges.entries()) {
        if (exchange === undefined) continue;
        // One that began meanwhile was not there for all of it.
        if (late > STALLED_AFTER)
          forgiven[place] = (forgiven[place] ?? 0) + Math.min(late, at - (began[place] ?? at));
        look(place, exchange, at, slowOnes);
      }
      if (slowOnes.length > 0) onSlow(slowOnes.sort(longestFirst), blocked);
    },
    requests() {
      const list: RequestInFlight[] = [];
      for (const [place, exchange] of exchanges.entries()) {
        if (exchange !== undefined) list.push(told(place, exchange));
      }
      return list.sort(longestFirst);
    },
  };
}

const [SLOW, OVER] = [1, 2];

const longestFirst = (a: RequestInFlight, b: RequestInFlight): number => a.began - b.began;

function timeoutError(milliseconds: number): DOMException {
  return new DOMException(
    `The request was not answered within ${(milliseconds / 1_000).toFixed(1)} s`,
    "TimeoutError",
  );
}

function finish(exchange: Exchange): Outcome {
  if (exchange.answered) exchange.cut();
  else exchange.answerInstead(504);
  const outcome = exchange.complete ? "answered" : "cut";
  exchange.seal();
  return outcome;
}
