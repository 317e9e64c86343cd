// What can happen to an arbiter, and what it can do about it. Data only.

import type { IdlePolicy } from "../ipc/messages.ts";

/** The numbers the arbiter decides by. Times are milliseconds. */
export interface Policy {
  readonly workers: number;
  readonly bootTimeout: number; // 0: unwatched
  readonly timeout: number; // silence that means stuck; 0: unwatched
  readonly gracefulTimeout: number;
  readonly reloadMode: "rolling" | "all";
  readonly maxSurge: number;
  /** How long a graceful stop serves on before it drains, so that load balancers notice first. */
  readonly drainDelay: number;
  /** The first worker of a generation boots alone: where it fails, no other is tried. */
  readonly preload: boolean;
  /** Where the first start fails, a reload is waited for instead of ending the server: for development. */
  readonly awaitChange: boolean;
  /** Bytes of resident memory above which a worker is killed; 0: unlimited. */
  readonly maxMemoryHard: number;
}

export type Command =
  | { readonly type: "stop"; readonly quick: boolean; readonly signal: string }
  | { readonly type: "reload" }
  | { readonly type: "more" } // TTIN
  | { readonly type: "fewer" } // TTOU
  /** So many workers, whatever there were. */
  | { readonly type: "scale"; readonly workers: number }
  | { readonly type: "pause" } // WINCH
  | { readonly type: "reopen" } // USR1
  | { readonly type: "upgrade" }; // USR2

export type Event =
  | { readonly type: "start" }
  | { readonly type: "tick" }
  | Command
  /** The new configuration is valid and its sockets are open: generation `state.generation + 1` may be tried. */
  | { readonly type: "configured"; readonly policy: Policy }
  | { readonly type: "configFailed"; readonly reason: string }
  /** The new arbiter that USR2 asked for: started, not to be started, ended. */
  | { readonly type: "upgradeSpawned"; readonly pid: number }
  | { readonly type: "upgradeFailed"; readonly reason: string }
  | {
      readonly type: "upgradeExited";
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
    }
  /** The old arbiter, whose upgrade this one is, has ended. */
  | { readonly type: "promoted" }
  | { readonly type: "spawned"; readonly id: number; readonly pid: number }
  | { readonly type: "ready"; readonly id: number }
  | { readonly type: "beat"; readonly id: number; readonly rss?: number }
  | { readonly type: "bootFailed"; readonly id: number; readonly status: 3 | 4; readonly reason: string }
  | { readonly type: "retire"; readonly id: number; readonly reason: string }
  | {
      readonly type: "leaving";
      readonly id: number;
      readonly ending: "left" | "stuck";
      readonly reason: string;
    }
  | {
      readonly type: "exited";
      readonly id: number;
      readonly code: number | null;
      readonly signal: string | null;
    };

export type Level = "debug" | "info" | "warning" | "error" | "critical";

export type Effect =
  | { readonly type: "spawn"; readonly id: number; readonly slot: number; readonly generation: number }
  /** The server stops soon: the worker serves on, and says so to those who probe it. */
  | { readonly type: "announce"; readonly id: number }
  | { readonly type: "drain"; readonly id: number; readonly idle: IdlePolicy }
  /** As `drain`, to one that is not known to serve: it ends at once, unless it serves already and its word is on its way. */
  | { readonly type: "withdraw"; readonly id: number; readonly idle: IdlePolicy }
  | { readonly type: "quit"; readonly id: number }
  | {
      readonly type: "kill";
      readonly id: number;
      readonly signal: "SIGABRT" | "SIGKILL";
      /** What the log says of it, with what the worker is at, for which the kill waits a moment. */
      readonly explained?: string;
    }
  /** Read file, environment and command line anew and open new sockets; answered by `configured` or `configFailed`. */
  | { readonly type: "loadConfig" }
  /** The new generation has proved itself: its configuration is the one in force. */
  | { readonly type: "adopt"; readonly generation: number }
  /** The new generation failed before it served: what was opened for it alone is closed. */
  | { readonly type: "abandon"; readonly generation: number }
  /** No worker of an older generation is left: what was kept open for them is closed. */
  | { readonly type: "releaseOld"; readonly generation: number }
  /** `handedOver`: another arbiter serves on the same sockets, so paths are left to it. */
  | { readonly type: "closeListeners"; readonly handedOver: boolean }
  /** Start the arbiter that is on the disk now, with our sockets; answered by an `upgrade…` event. */
  | { readonly type: "upgrade" }
  /** The other arbiter is gone: pid file and title become the plain ones. */
  | { readonly type: "promote" }
  | { readonly type: "reopenLogs" }
  /** The reload that `loadConfig` began is over, or will not begin; `failure` is null where the new generation serves. */
  | { readonly type: "reloadEnded"; readonly failure: string | null }
  | { readonly type: "hook"; readonly name: "whenReady" | "onReload" }
  | { readonly type: "resized"; readonly workers: number; readonly before: number | null }
  | { readonly type: "log"; readonly level: Level; readonly message: string }
  | { readonly type: "exit"; readonly status: number };
