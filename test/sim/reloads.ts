// Whoever waits for a reload is told its end: exactly once for each that begins, and rightly.

import type { Effect, Event } from "../../src/arbiter/events.ts";
import type { ArbiterState } from "./core.ts";
import { Violation } from "./trace.ts";

export interface ReloadWatch {
  stepped(event: Event, before: ArbiterState, state: ArbiterState, effects: readonly Effect[]): void;
}

export function createReloadWatch(): ReloadWatch {
  let begun = false;
  let generation = 0;
  let wanted = false;

  return {
    stepped(event, before, state, effects) {
      if (event.type === "reload" && before.phase.name !== "stopping" && before.phase.name !== "stopped") {
        wanted = true;
      }
      const stopping = state.phase.name === "stopping" || state.phase.name === "stopped";
      for (const effect of effects) {
        if (effect.type === "loadConfig") {
          if (begun) throw new Violation("a reload begins before the last one has ended");
          begun = true;
          wanted = false;
          generation = before.generation;
        } else if (effect.type === "reloadEnded") {
          if (!begun && !(wanted && stopping))
            throw new Violation("told the end of a reload that nobody asked for");
          if (effect.failure === null && (!begun || state.generation <= generation)) {
            throw new Violation("told that a reload went well which has brought nothing");
          }
          // A stop may follow in the same step: it ends those that wait for their turn as well.
          if (!begun) wanted = false;
          begun = false;
        }
      }
      if (stopping && effects.some((effect) => effect.type === "reloadEnded")) wanted = false;
      if (state.phase.name === "stopped" && (begun || wanted))
        throw new Violation("never told the end of a reload");
      if (begun && state.rollout === null) throw new Violation("did not tell the end of a reload");
    },
  };
}
