// The trace in words: `< ready 2` is what the arbiter was told, `kill 2 SIGKILL` what it did.

import type { Effect, Event } from "../../src/arbiter/events.ts";

/** A broken promise, in words. */
export class Violation extends Error {}

/** The arbiter alone is stopped for a while (SIGSTOP), or the machine with all its processes. */
export interface Suspension {
  readonly suspend: "arbiter" | "machine";
  readonly ms: number;
}

export interface TraceEntry {
  readonly at: number;
  readonly what: { readonly told: Event } | { readonly did: Effect | Suspension };
}

export function describe({ at, what }: TraceEntry): string {
  const text = "told" in what ? describeEvent(what.told) : describeEffect(what.did);
  return `${Number(at.toFixed(1))} ${text}`;
}

function describeEffect(effect: Effect | Suspension): string {
  if ("suspend" in effect) return `suspend ${effect.suspend} ${effect.ms}`;
  switch (effect.type) {
    case "spawn":
      return `spawn ${effect.id} slot=${effect.slot} gen=${effect.generation}`;
    case "drain":
    case "withdraw":
      return `${effect.type} ${effect.id} ${effect.idle}`;
    case "announce":
      return `announce ${effect.id}`;
    case "quit":
      return `quit ${effect.id}`;
    case "kill":
      return `kill ${effect.id} ${effect.signal}${effect.explained === undefined ? "" : ", explained"}`;
    case "adopt":
    case "abandon":
    case "releaseOld":
      return `${effect.type} ${effect.generation}`;
    case "reloadEnded":
      return `reloadEnded ${effect.failure ?? "well"}`;
    case "hook":
      return `hook ${effect.name}`;
    case "resized":
      return `resized ${effect.workers} was ${effect.before ?? "nothing"}`;
    case "log":
      return `${effect.level}: ${effect.message}`;
    case "closeListeners":
      return `closeListeners${effect.handedOver ? " handed over" : ""}`;
    case "exit":
      return `exit ${effect.status}`;
    case "loadConfig":
    case "upgrade":
    case "promote":
    case "reopenLogs":
      return effect.type;
  }
}

function describeEvent(event: Event): string {
  switch (event.type) {
    case "stop":
      return `< ${event.signal}`;
    case "exited":
      return `< exited ${event.id} ${event.signal ?? event.code ?? "unborn"}`;
    case "configured":
      return `< configured workers=${event.policy.workers} ${event.policy.reloadMode}`;
    case "configFailed":
      return `< configFailed ${event.reason}`;
    case "scale":
      return `< scale ${event.workers}`;
    case "bootFailed":
      return `< bootFailed ${event.id} ${event.status}`;
    default:
      return "id" in event ? `< ${event.type} ${event.id}` : `< ${event.type}`;
  }
}
