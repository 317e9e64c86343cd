// What the control socket sees of the arbiter and may do to it. Whatever it does is an event: the core decides.

import type { LogLevel } from "../../config/config.ts";
import type { Resolved } from "../../config/resolve.ts";
import type { LoopView, PeekWhat } from "../../ipc/peek.ts";
import type { ErrorLog } from "../../log/error-log.ts";
import type { Event } from "../events.ts";
import type { Metering } from "../metering.ts";
import type { ArbiterState } from "../state.ts";
import type { Facts } from "./view.ts";

export interface Helm {
  readonly log: ErrorLog;
  readonly metering: Pick<Metering, "figures" | "sources">;
  /** On the clock that the state's times are on, in milliseconds. */
  now(): number;
  state(): ArbiterState;
  facts(): Facts;
  resolved(): Resolved;
  /** Where its relative paths begin. */
  directory(): string;
  tell(event: Event): void;
  /** The log's level of arbiter and workers, until the next reload. */
  setLevel(level: LogLevel): void;
  /** What a worker's watchdog sees it do. Null where it does not answer within `patience` milliseconds. */
  peek(id: number, what: PeekWhat, patience: number): Promise<readonly LoopView[] | null>;
  /** Whether that has ever answered. */
  heard(id: number): boolean;
  /** Resolves when the reload that this one asks for has ended: with null where the new generation serves, or why not. */
  reload(): Promise<string | null>;
  /** Resolves when all workers are gone, and the arbiter is about to end. */
  readonly stopped: Promise<void>;
}

export interface ControlMode {
  /** The socket's. */
  readonly mode: number;
  readonly readOnly: boolean;
}
