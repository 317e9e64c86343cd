// A scenario is a short life of the arbiter that reads as a sentence. It is told the core to play with, so that the
// planted faults of test/sim/mutants.ts play the same scenes.

import type { Policy } from "../../src/arbiter/events.ts";
import type { Core } from "../sim/core.ts";
import { createInvariants } from "../sim/invariants.ts";
import { createWorld, type World, type WorldOptions } from "../sim/world.ts";

export type Begin = (policy?: Partial<Policy>, options?: Partial<WorldOptions>) => World;

export interface Scenario {
  readonly name: string;
  readonly play: (begin: Begin) => void;
}

export const usual: Policy = {
  workers: 2,
  bootTimeout: 10_000,
  timeout: 30_000,
  gracefulTimeout: 30_000,
  reloadMode: "rolling",
  maxSurge: 1,
  drainDelay: 0,
  preload: false,
  awaitChange: false,
  maxMemoryHard: 0,
};

/** Two workers unless told otherwise, and all invariants watched. */
export function beginWith(core: Core): Begin {
  return (policy = {}, options = {}) =>
    createWorld({ core, policy: { ...usual, ...policy }, watch: createInvariants(), ...options });
}

/** The ids of the workers in service. */
export function serving(world: World): number[] {
  const ids = world.state().workers.flatMap((worker) => (worker.phase.name === "serving" ? [worker.id] : []));
  return ids.sort((a, b) => a - b);
}

/** Lines of what the arbiter did, without what it was told and what it told others. */
export function deeds(world: World, from = 0): string[] {
  const quiet = /^[\d.]+ (<|debug|info|warning|error|critical|reloadEnded)/;
  return world.lines().filter((line) => !quiet.test(line) && Number.parseFloat(line) >= from);
}
