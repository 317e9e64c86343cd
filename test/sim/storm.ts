// Bounds how many processes are started: what fails is retried ever more slowly.

import type { Effect, Event } from "../../src/arbiter/events.ts";
import type { ArbiterState } from "./core.ts";
import { Violation } from "./trace.ts";
import type { World } from "./world.ts";

const WINDOW = 10_000;
/** Waits of 0.1 s, 0.2 s, 0.4 s ... fit seven times into the window; twice, for a calm in between. */
const RETRIES = 14;
/** A worker that served this long was healthy, and is replaced at once. */
const HEALTHY_AFTER = 5_000;

export interface StormWatch {
  stepped(world: World, event: Event, before: ArbiterState, effects: readonly Effect[]): void;
}

export function createStormWatch(): StormWatch {
  const spawns: number[] = [];
  let largest = 1;
  /** When there was a good reason for how many spawns. */
  const reasons: { readonly at: number; readonly spawns: number }[] = [];

  return {
    stepped(world, event, before, effects) {
      const now = world.now();
      const good = reasonFor(world, event, before, effects);
      if (good > 0) reasons.push({ at: now, spawns: good });
      let spawned = false;
      for (const effect of effects) {
        if (effect.type !== "spawn") continue;
        spawns.push(now);
        spawned = true;
      }
      if (!spawned) return;
      while ((spawns[0] ?? now) < now - WINDOW) spawns.shift();
      while ((reasons[0]?.at ?? now) < now - 2 * WINDOW) reasons.shift();
      // After each wait a whole fleet may be tried, one by one, before the first of them is lost again.
      largest = Math.max(largest, before.target);
      const retries = RETRIES * Math.max(1, largest / 2);
      const allowed = reasons.reduce((sum, reason) => sum + reason.spawns, retries);
      if (spawns.length > allowed) {
        throw new Violation(
          `a storm: ${spawns.length} spawns in ${WINDOW} ms where ${allowed} have a reason`,
        );
      }
    },
  };
}

function reasonFor(world: World, event: Event, before: ArbiterState, effects: readonly Effect[]): number {
  switch (event.type) {
    case "start":
      return before.target;
    case "more":
    case "retire":
      return 1;
    case "scale":
      return Math.max(0, event.workers - before.target);
    case "configured":
      // The new generation, the old one where that fails, and retries that start afresh.
      return 3 * Math.max(before.target, event.policy.workers) + RETRIES;
    case "leaving":
    case "exited": {
      const process = world.processes.get(event.id);
      if (process === undefined) return 0;
      const age = world.uptime() - process.readyAt;
      // A worker that hangs is replaced at once: its timeout slows it down enough.
      return age >= HEALTHY_AFTER || process.abortedAt !== Number.POSITIVE_INFINITY ? 1 : 0;
    }
    default:
      return effects.some((effect) => effect.type === "kill" && effect.signal === "SIGABRT") ? 1 : 0;
  }
}
