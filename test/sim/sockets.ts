// What the shell opens for a generation, it is told to keep or to close: once, and not while somebody still needs it.

import type { Effect, Event } from "../../src/arbiter/events.ts";
import type { Known } from "./account.ts";
import type { ArbiterState } from "./core.ts";
import { Violation } from "./trace.ts";

export interface SocketWatch {
  stepped(
    event: Event,
    before: ArbiterState,
    effects: readonly Effect[],
    known: ReadonlyMap<number, Known>,
  ): void;
}

export function createSocketWatch(): SocketWatch {
  /** Opened for a generation that is neither adopted nor abandoned. */
  const onTrial = new Set<number>();
  /** Adopted, and not released since. */
  const held = new Set<number>([1]);
  let closed = false;

  const settle = (generation: number): void => {
    if (!onTrial.delete(generation)) throw new Violation(`generation ${generation} is not on trial`);
  };

  return {
    stepped(event, before, effects, known) {
      if (event.type === "configured") onTrial.add(before.lastGeneration + 1);
      for (const effect of effects) {
        if (effect.type === "adopt") {
          settle(effect.generation);
          held.add(effect.generation);
        } else if (effect.type === "abandon") {
          settle(effect.generation);
        } else if (effect.type === "releaseOld") {
          if (
            before.rollout?.name === "loading" &&
            event.type !== "configured" &&
            event.type !== "configFailed"
          )
            throw new Violation("released what a configuration that is being loaded may take up");
          for (const { id, generation, stage } of known.values()) {
            if (generation < effect.generation && stage !== "going")
              throw new Violation(`released what ${id} still uses`);
          }
          for (const generation of held) if (generation < effect.generation) held.delete(generation);
        } else if (effect.type === "closeListeners") {
          if (closed) throw new Violation("closed the listeners twice");
          closed = true;
        } else if (effect.type === "spawn") {
          const { id, generation } = effect;
          if (!held.has(generation) && !onTrial.has(generation)) {
            throw new Violation(`spawned ${id} of generation ${generation}, whose sockets are closed`);
          }
        } else if (effect.type === "loadConfig" || effect.type === "exit") {
          if (onTrial.size > 0) throw new Violation(`left generation ${[...onTrial]} open`);
        }
      }
    },
  };
}
