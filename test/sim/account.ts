// What the arbiter could know of each process, kept from what it was told and what it did, and apart from its state.

import type { Effect, Event } from "../../src/arbiter/events.ts";

/** What the arbiter does to a process that is to go. */
const GOES: ReadonlySet<Effect["type"]> = new Set(["drain", "withdraw", "quit", "kill"]);

export type Stage = "booting" | "serving" | "going";

export interface Known {
  readonly id: number;
  readonly generation: number;
  stage: Stage;
  /** It said that it is ready, though perhaps not before it was told to go. */
  served: boolean;
  /** Its SIGKILL is under way. */
  killed: boolean;
  /** How often it was told that the server stops soon. */
  announced: number;
}

export interface Account {
  readonly known: ReadonlyMap<number, Known>;
  told(event: Event): void;
  did(effect: Effect): void;
  serving(only?: (known: Known) => boolean): number;
  live(): number;
}

export function createAccount(): Account {
  const known = new Map<number, Known>();
  const move = (id: number, from: readonly Stage[], to: Stage): void => {
    const one = known.get(id);
    if (one === undefined || !from.includes(one.stage)) return;
    one.stage = to;
    if (to === "serving") one.served = true;
  };
  return {
    known,
    told(event) {
      if (event.type === "ready") {
        const one = known.get(event.id);
        if (one?.stage === "going" && !one.killed) one.served = true;
        move(event.id, ["booting"], "serving");
      } else if (event.type === "bootFailed") move(event.id, ["booting"], "going");
      else if (event.type === "leaving") move(event.id, ["booting", "serving"], "going");
      else if (event.type === "exited") known.delete(event.id);
    },
    did(effect) {
      if (effect.type === "spawn") {
        const { id, generation } = effect;
        known.set(id, { id, generation, stage: "booting", served: false, killed: false, announced: 0 });
      } else if (effect.type === "announce") {
        const one = known.get(effect.id);
        if (one !== undefined) one.announced++;
      } else if (GOES.has(effect.type) && "id" in effect) {
        move(effect.id, ["booting", "serving"], "going");
        const one = known.get(effect.id);
        if (one !== undefined && effect.type === "kill" && effect.signal === "SIGKILL") one.killed = true;
      }
    },
    serving(only) {
      let count = 0;
      for (const one of known.values()) if (one.stage === "serving" && (only?.(one) ?? true)) count++;
      return count;
    },
    live() {
      let count = 0;
      for (const one of known.values()) if (one.stage !== "going") count++;
      return count;
    },
  };
}
