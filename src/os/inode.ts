// Which socket a descriptor of this process is, as the kernel's tables name it. Loads nothing: the watchdog's thread needs it, too.

import { readlinkSync } from "node:fs";

/** Undefined where the descriptor is no socket, or the system is not Linux. */
export function inodeOf(fd: number): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
  } catch {
    return undefined;
  }
}
