// Which socket a descriptor of this process is, as the kernel's tables name it. Loads nothing: the watchdog's thread needs it, too.

import { readdirSync, readlinkSync } from "node:fs";

/** Undefined where the descriptor is no socket, or the system is not Linux. */
export const inodeOf = (fd: number): string | undefined => socketAt(`/proc/self/fd/${fd}`);

/** The sockets that another process of this user's holds; null where that can't be known. */
export function inodesOf(pid: number): ReadonlySet<string> | null {
  try {
    const directory = `/proc/${pid}/fd`;
    return new Set(readdirSync(directory).flatMap((fd) => socketAt(`${directory}/${fd}`) ?? []));
  } catch {
    return null;
  }
}

function socketAt(link: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.[1];
  } catch {
    return undefined;
  }
}
