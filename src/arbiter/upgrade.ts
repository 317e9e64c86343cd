// The binary upgrade (USR2): another arbiter, from the code on the disk, serves beside this one on the same sockets.
// Either may then be told to stop, so that each step can be taken back.

import type { Effect, Event, Level } from "./events.ts";
import type { ArbiterState } from "./state.ts";
import { isStopping } from "./stop.ts";

type UpgradeEvent = Extract<
  Event,
  { readonly type: "upgrade" | "upgradeSpawned" | "upgradeFailed" | "upgradeExited" | "promoted" }
>;

export function recordUpgrade(state: ArbiterState, event: UpgradeEvent, effects: Effect[]): void {
  const log = (level: Level, message: string): void => void effects.push({ type: "log", level, message });
  switch (event.type) {
    case "upgrade": {
      const obstacle = obstacleTo(state);
      if (obstacle !== null) return log("warning", `USR2 ignored: ${obstacle}`);
      state.upgrade = { name: "starting" };
      effects.push({ type: "upgrade" });
      return;
    }
    case "upgradeSpawned":
      state.upgrade = { name: "running", pid: event.pid };
      log("info", `Upgrade: arbiter pid=${event.pid} is started on the same sockets`);
      return;
    case "upgradeFailed":
      state.upgrade = null;
      log("error", `Upgrade failed${isStopping(state) ? "" : ", this arbiter serves on"}: ${event.reason}`);
      return;
    case "upgradeExited": {
      state.upgrade = null;
      const how =
        event.signal !== null
          ? `was ended by ${event.signal}`
          : `exited with code ${event.code ?? "unknown"}`;
      const level = event.code === 0 ? "info" : "error";
      if (isStopping(state)) return log(level, `The new arbiter pid=${event.pid} ${how} as well`);
      const here = state.target > 0 ? "serves on" : "has no workers until HUP brings them back";
      log(level, `Upgrade abandoned, this arbiter ${here}: arbiter pid=${event.pid} ${how}`);
      return;
    }
    case "promoted":
      if (state.elder === null) return;
      effects.push({ type: "promote" });
      log("info", `Promoted: the old arbiter pid=${state.elder} is gone`);
      state.elder = null;
      return;
  }
}

function obstacleTo(state: ArbiterState): string | null {
  if (isStopping(state) || state.phase.name === "announcing") return "the arbiter is stopping";
  if (state.elder !== null) return `this is the upgrade of the arbiter pid=${state.elder}, which still runs`;
  if (state.upgrade?.name === "running") return `an upgrade is running, pid=${state.upgrade.pid}`;
  if (state.upgrade !== null) return "an upgrade is being started";
  return null;
}
