// Two arbiters at the most serve on the same sockets, and each knows whether it is alone when it stops.

import type { Effect, Event } from "../../src/arbiter/events.ts";
import type { ArbiterState } from "./core.ts";
import { Violation } from "./trace.ts";

export interface UpgradeWatch {
  stepped(event: Event, before: ArbiterState, effects: readonly Effect[]): void;
}

export function createUpgradeWatch(): UpgradeWatch {
  let starting = false;
  let younger = false;
  let elder: boolean | null = null;

  return {
    stepped(event, before, effects) {
      elder ??= before.elder !== null;
      if (event.type === "upgradeFailed" || event.type === "upgradeExited") younger = false;
      if (event.type === "upgradeFailed" || event.type === "upgradeSpawned") starting = false;
      // Only from here on does anybody else serve on these sockets.
      if (event.type === "upgradeSpawned") younger = true;
      const promoted = event.type === "promoted" && elder;
      if (promoted) elder = false;
      for (const effect of effects) {
        if (effect.type === "upgrade") {
          if (starting || younger || elder) throw new Violation("a third arbiter");
          if (before.phase.name !== "running" && before.phase.name !== "starting") {
            throw new Violation("upgraded while stopping");
          }
          starting = true;
        } else if (effect.type === "promote" && !promoted) {
          throw new Violation("promoted although the elder lives");
        } else if (effect.type === "closeListeners" && effect.handedOver !== (younger || elder)) {
          throw new Violation(
            younger || elder ? "took the sockets from another arbiter" : "left its sockets behind",
          );
        }
      }
    },
  };
}
