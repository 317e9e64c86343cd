// What became of every request that was sent. The books must balance: sent = the sum of all outcomes.

import { createHistogram, type Histogram } from "./histogram.ts";

/** What becomes of a request. */
export type Outcome =
  | "answered"
  /** The connection was refused: nobody listened, or the queue was full. */
  | "refused"
  /** The connection was reset before a byte of the answer. */
  | "reset"
  /** The connection was closed before a byte of the answer. */
  | "unanswered"
  /** The answer broke off. */
  | "cut"
  /** No answer came in time. */
  | "timedOut"
  /** The answer is no HTTP, or not the one to this request. */
  | "wrong"
  /** The server closed a connection that had been idle for its keep-alive time, as the request was on its way to it. */
  | "raced"
  /** It was sent behind a request whose answer announced the connection's end: the client is to send it again. */
  | "returned";

/** Nobody's fault: HTTP tells the client to send the request again (RFC 9112 section 9.3). */
const HARMLESS: readonly Outcome[] = ["answered", "raced", "returned"];
const OUTCOMES: readonly Outcome[] = [
  "answered",
  "refused",
  "reset",
  "unanswered",
  "cut",
  "timedOut",
  "wrong",
  "raced",
  "returned",
];
/** So many losses are kept in full. */
const MOST_LOSSES = 1_000;

export interface Loss {
  readonly outcome: Outcome | "5xx";
  /** performance.now() */
  readonly at: number;
  readonly detail: string;
  /** Whose connection it was, where an earlier answer on it has told. */
  readonly pid: string | undefined;
}

export interface Tally {
  sent: number;
  readonly outcomes: Record<Outcome, number>;
  /** By the first digit of the status. */
  readonly statuses: Map<number, number>;
  /** By the pid that answered, where answers tell it. */
  readonly pids: Map<string, number>;
  /** Connections the server closed while no request was on them, and those of them it had kept for too short a time. */
  idleCloses: number;
  earlyCloses: number;
  readonly losses: Loss[];
  /** From when the request was due until its answer was complete, in milliseconds. */
  readonly phases: Map<string, Histogram>;
}

export function createTally(): Tally {
  return {
    sent: 0,
    outcomes: {
      answered: 0,
      refused: 0,
      reset: 0,
      unanswered: 0,
      cut: 0,
      timedOut: 0,
      wrong: 0,
      raced: 0,
      returned: 0,
    },
    statuses: new Map(),
    pids: new Map(),
    idleCloses: 0,
    earlyCloses: 0,
    losses: [],
    phases: new Map(),
  };
}

export function countLoss(tally: Tally, loss: Loss): void {
  if (tally.losses.length < MOST_LOSSES) tally.losses.push(loss);
}

export function phaseOf(tally: Tally, name: string): Histogram {
  const known = tally.phases.get(name);
  if (known !== undefined) return known;
  const made = createHistogram();
  tally.phases.set(name, made);
  return made;
}

/** Requests that were lost, and answers that were failures of the server's. */
export function lost(tally: Tally): number {
  let sum = tally.statuses.get(5) ?? 0;
  for (const outcome of OUTCOMES) if (!HARMLESS.includes(outcome)) sum += tally.outcomes[outcome];
  return sum;
}

/** Throws where a request has no outcome, or two. */
export function balance(tally: Tally): void {
  const ended = OUTCOMES.reduce((sum, outcome) => sum + tally.outcomes[outcome], 0);
  if (ended !== tally.sent) throw new Error(`${tally.sent} requests were sent, ${ended} have an outcome`);
}

/** In one line: what was sent, answered, and every other outcome that occurred. */
export function summary(tally: Tally): string {
  const others = OUTCOMES.filter((outcome) => outcome !== "answered" && tally.outcomes[outcome] > 0);
  return [
    `${tally.sent} sent`,
    // WebSockets have no statuses.
    ...(tally.statuses.size === 0 ? [`${tally.outcomes.answered} answered`] : []),
    ...[...tally.statuses].sort().map(([digit, count]) => `${count} ${digit}xx`),
    ...others.map((outcome) => `${tally.outcomes[outcome]} ${outcome}`),
    ...(tally.earlyCloses > 0 ? [`${tally.earlyCloses} idle connections closed early`] : []),
  ].join(", ");
}

/** A phase's latencies: `p50 0.8 p99 3.1 max 12.0 ms`. */
export function latencies(histogram: Histogram): string {
  const [p50, p99] = [histogram.quantile(0.5), histogram.quantile(0.99)];
  return `p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} max ${histogram.max.toFixed(1)} ms`;
}
