// What a process uses, by /proc: known on Linux alone. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html

import { readFileSync } from "node:fs";

export interface Usage {
  /** Bytes of memory in use. */
  readonly rss: number | null;
  /** Seconds of processor time since its start. */
  readonly cpu: number | null;
}

/** The kernel counts in hundredths for everybody: USER_HZ. */
const TICKS = 100;

export function usage(pid: number | null): Usage {
  if (pid === null) return { rss: null, cpu: null };
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    // The name, in parentheses, may hold anything; utime and stime are the 14th and 15th fields.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    return {
      rss: kilobytes === undefined ? null : Number(kilobytes) * 1_024,
      cpu: Number.isFinite(ticks) ? ticks / TICKS : null,
    };
  } catch {
    return { rss: null, cpu: null };
  }
}
