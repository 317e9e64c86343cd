// A worker that is killed since it did not finish in time: what it is at stands in the log with the kill, as for one
// whose loop is stuck.

import { FREE_LOOP, type LoopView } from "../ipc/peek.ts";
import { requestLines } from "../log/in-flight.ts";
import type { Effect } from "./events.ts";
import type { Peeks } from "./peeks.ts";

/** How long the kill waits for an answer, in milliseconds: on a busy machine a stack takes most of it. */
const PATIENCE = 950;

export interface Killing {
  readonly peek: Peeks["ask"];
  readonly warn: (message: string) => void;
  /** False where there is nobody any more. */
  readonly kill: (id: number, signal: "SIGABRT" | "SIGKILL") => boolean;
}

/** What happens while an explanation is waited for is heard: who is to be killed counts as gone. */
export function killOrExplain(effect: Extract<Effect, { type: "kill" }>, killing: Killing): void {
  const { id, signal, explained } = effect;
  if (explained === undefined) killing.kill(id, signal);
  else void killExplained(id, explained, killing);
}

/** Says `line` and what the worker does, and ends it; in time also where nobody answers. */
export async function killExplained(id: number, line: string, { peek, warn, kill }: Killing): Promise<void> {
  // A stack may take longer than there is time for, on a busy machine.
  const asked = [peek(id, "requests", PATIENCE), peek(id, "stack", PATIENCE)] as const;
  const requests = asked[0].catch(() => null);
  const loops = (await asked[1].catch(() => null)) ?? (await requests);
  // It may have finished meanwhile: then nobody was killed.
  if (kill(id, "SIGKILL")) warn([line, ...explain(loops ?? [])].join("\n"));
}

/** Lines below a record's first. Of several threads those are told of that have something to do, or are stuck. */
export function explain(loops: readonly LoopView[]): string[] {
  const busy = loops.filter((loop) => loop.count > 0 || !isFree(loop));
  return (busy.length > 0 ? busy : loops.slice(0, 1)).flatMap((loop) => {
    const { thread, count, requests, stack } = loop;
    const shown = requests.map(({ line, client, age }) => ({ line, client, age: age * 1_000 }));
    const head = thread === null || busy.length === 0 ? [] : [`thread=${thread}:`];
    return [...head, ...requestLines(shown, count), ...(stack ?? [])].map((text) => `  ${text}`);
  });
}

const isFree = ({ stack }: LoopView): boolean => stack === null || stack[0] === FREE_LOOP;
