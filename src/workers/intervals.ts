// How often an event loop runs the timer by which it beats for its watchdog and sweeps the deadlines of its requests.

import type { Config } from "../config/config.ts";
import { beatInterval } from "../ipc/beat.ts";

/** How often a loop beats while the application is loaded, in milliseconds. */
export const BOOT_INTERVAL = 100;

/** How often a loop has to beat and to sweep once it serves, in milliseconds. */
export function sweepInterval(config: Pick<Config, "timeout" | "requestTimeout" | "slowRequest">): number {
  const within = (seconds: number, part: number): number =>
    seconds === 0 ? Number.POSITIVE_INFINITY : (seconds * 1_000) / part;
  const { timeout, requestTimeout, slowRequest } = config;
  const finest = Math.min(1_000, beatInterval(timeout), within(requestTimeout, 10), within(slowRequest, 10));
  return Math.max(5, Math.round(finest));
}
