// Answers the arbiter's question what a loop does: for the thread that watches it.

import net from "node:net";
import {
  isPeekAsk,
  type LoopView,
  type PeekAnswer,
  type PeekAsk,
  type PeekWhat,
  readLines,
} from "../ipc/peek.ts";
import { type Stack, stackLines } from "./report.ts";
import { sharedNow, type VitalSigns } from "./vitals.ts";

/** Requests told of at most. */
const MOST_REQUESTS = 50;

/** `fd` is the worker's end of the pair of sockets. */
export function answerPeeks(fd: number, look: (ask: PeekAsk) => Promise<readonly LoopView[]>): void {
  const stream = new net.Socket({ fd, readable: true, writable: true });
  stream.unref();
  const answer = async (ask: PeekAsk): Promise<void> => {
    const { number, what } = ask;
    const told: PeekAnswer = { number, what, loops: await look(ask) };
    stream.write(`${JSON.stringify(told)}\n`);
  };
  readLines(stream, (value) => {
    if (isPeekAsk(value)) answer(value).catch(() => undefined);
  });
}

/** Without a stack where none was taken. */
export function loopView(
  thread: number | null,
  signs: VitalSigns,
  what: PeekWhat,
  stack: Stack | null = null,
): LoopView {
  const now = sharedNow();
  const seconds = (since: number): number => Math.max(0, Math.round(now - since)) / 1_000;
  const requests = what === "count" ? [] : signs.requests().slice(0, MOST_REQUESTS);
  return {
    thread,
    count: signs.count,
    requests: requests.map(({ line, client, began }) => ({ line, client, age: seconds(began) })),
    silent: seconds(signs.ranAt),
    stack: stack === null ? null : stackLines(stack),
  };
}
