// What an arbiter is started with.

import type { Resolved } from "../config/resolve.ts";
import type { Inheritance } from "../os/inherited.ts";
import type { SocketOwner } from "../os/sockets.ts";
import type { Origin } from "./handover.ts";
import type { InheritedSockets } from "./inheritance.ts";
import type { Journal } from "./journal.ts";
import type { Setup } from "./setup.ts";
import type { SignalSource } from "./signals.ts";

export interface ArbiterOptions {
  readonly resolved: Resolved;
  /**
   * Reads file, environment and command line anew; rejects with a ServerError where they are wrong. From each call of `next` on it has
   * the whole of bootTimeout again: what only prepares the reading is not the file's time.
   */
  readonly load: (next: () => void) => Promise<Resolved>;
  /** Makes the process that of the configuration: its directory and its title. Throws a ServerError where it can't be. */
  readonly enter: (resolved: Resolved) => void;
  /** Owner of unix sockets and log files where workers run as another user. */
  readonly ownerOf: (resolved: Resolved) => SocketOwner | null;
  /** How the server was started. */
  readonly origin: Origin;
  /** What it was started with. */
  readonly inheritance: Inheritance;
  readonly signals: SignalSource;
  /** All workers serve for the first time. */
  readonly ready: () => void;
  readonly adopted: (resolved: Resolved) => void; // by a reload
  /** The arbiter that this one was started to replace is gone. */
  readonly promoted: (resolved: Resolved) => void;
  readonly journal: Journal;
  /** The product and its version: `tgunicorn/0.1.0`. */
  readonly software: string;
  /** The file a worker process runs. */
  readonly workerEntry: string;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Where jitter starts. */
  readonly seed: number;
}

/** What a run holds apart from the sockets of its generations. */
export interface Holdings {
  readonly inherited: InheritedSockets;
  /** Keeps the pid file where it is wanted: beside that of `elder` while that lives. `predecessor` is the arbiter whose place this one has taken. */
  readonly movePidfile: (setup: Setup, elder: number | null, predecessor?: number | null) => void;
}
