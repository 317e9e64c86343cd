// How many descriptors a process of this server's may have.

import { readFileSync } from "node:fs";

/** The hard limit, to which Node.js raises its own at the start; null where there is none, or it can't be known. */
export function mostOpenFiles(): number | null {
  try {
    const found = /^Max open files +\d+ +(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"));
    return found === null ? null : Number(found[1]);
  } catch {
    return null;
  }
}
