// What the arbiter itself counts of its fleet. Pure: told of each step, it adds up.

import type { Effect, Event } from "../events.ts";
import { type ArbiterState, type Exit, endingOf } from "../state.ts";
import { isStopping } from "../stop.ts";

export interface Tally {
  readonly spawns: number;
  /** By reason: each from the start, for a rate misses the first of a series that comes up later. */
  readonly exits: Readonly<Record<Exit, number>>;
  /** Workers that were ended for being stuck. */
  readonly stuck: number;
  readonly reloadsOk: number;
  readonly reloadsFailed: number;
}

export const emptyTally: Tally = {
  spawns: 0,
  exits: {
    outdated: 0,
    recycled: 0,
    surplus: 0,
    stopped: 0,
    left: 0,
    stuck: 0,
    memory: 0,
    boot: 0,
    killed: 0,
    crashed: 0,
  },
  stuck: 0,
  reloadsOk: 0,
  reloadsFailed: 0,
};

/** `before` is the state in which `event` came, `after` and `effects` what followed. */
export function tallied(
  tally: Tally,
  before: ArbiterState,
  event: Event,
  after: ArbiterState,
  effects: readonly Effect[],
): Tally {
  let { spawns, exits, stuck, reloadsOk, reloadsFailed } = tally;
  if (event.type === "spawned") spawns++;
  if (event.type === "exited") {
    const gone = before.workers.find(({ id }) => id === event.id);
    if (gone !== undefined) {
      const reason = endingOf(gone, event.signal);
      exits = { ...exits, [reason]: exits[reason] + 1 };
    }
  }
  for (const effect of effects) {
    if (effect.type === "kill" && effect.signal === "SIGABRT") stuck++;
    if (effect.type !== "reloadEnded") continue;
    if (effect.failure === null) reloadsOk++;
    // One that a stop has overtaken neither went well nor failed.
    else if (!isStopping(after)) reloadsFailed++;
  }
  return { spawns, exits, stuck, reloadsOk, reloadsFailed };
}
