// The least level of what is logged, which may change while the server runs, for all threads of a process at once.

import type { LogLevel } from "../config/config.ts";
import { RANK } from "./record.ts";

export interface Level {
  readonly shared: SharedArrayBuffer;
  readonly name: LogLevel;
  shows(level: LogLevel): boolean;
  set(level: LogLevel): void;
}

export const levels: readonly LogLevel[] = ["debug", "info", "warning", "error", "critical"];

export const isLevel = (value: unknown): value is LogLevel => levels.some((level) => level === value);

export function createLevel(level: LogLevel): Level {
  const own = levelIn(new SharedArrayBuffer(4));
  own.set(level);
  return own;
}

/** The level that another thread has made. */
export function levelIn(shared: SharedArrayBuffer): Level {
  const word = new Int32Array(shared);
  return {
    shared,
    get name() {
      return levels.find((level) => RANK[level] === word[0]) ?? "info";
    },
    shows: (level) => RANK[level] >= (word[0] ?? 0),
    set(level) {
      word[0] = RANK[level];
    },
  };
}
