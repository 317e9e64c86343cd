// What a thread of this process does in native code, as far as Linux tells: the system call that it waits in.
// https://man7.org/linux/man-pages/man5/proc_pid_syscall.5.html

import fs from "node:fs";
import { quoteBytes } from "../../log/quote.ts";

/** What the arguments name: a descriptor in the first, a path in memory in the first or the second. */
type Names = "descriptor" | "path" | "path at" | null;

/** The call, its number on x64 and on arm64, and what it names. */
const CALLS: readonly (readonly [string, number | null, number | null, Names])[] = [
  ["read", 0, 63, "descriptor"],
  ["pread64", 17, 67, "descriptor"],
  ["readv", 19, 65, "descriptor"],
  ["recvfrom", 45, 207, "descriptor"],
  ["recvmsg", 47, 212, "descriptor"],
  ["write", 1, 64, "descriptor"],
  ["pwrite64", 18, 68, "descriptor"],
  ["writev", 20, 66, "descriptor"],
  ["sendto", 44, 206, "descriptor"],
  ["sendmsg", 46, 211, "descriptor"],
  ["fsync", 74, 82, "descriptor"],
  ["fdatasync", 75, 83, "descriptor"],
  ["flock", 73, 32, "descriptor"],
  ["open", 2, null, "path"],
  ["openat", 257, 56, "path at"],
  ["connect", 42, 203, null],
  ["accept", 43, 202, null],
  ["accept4", 288, 242, null],
  ["futex", 202, 98, null],
  ["poll", 7, null, null],
  ["ppoll", 271, 73, null],
  ["select", 23, null, null],
  ["pselect6", 270, 72, null],
  ["epoll_wait", 232, null, null],
  ["epoll_pwait", 281, 22, null],
  ["wait4", 61, 260, null],
  ["waitid", 247, 95, null],
  ["nanosleep", 35, 101, null],
  ["clock_nanosleep", 230, 115, null],
];

/** Of a path. */
const LONGEST = 256;

/** What the names in a call's arguments stand for: the file of a descriptor, the text at an address. */
export interface Places {
  descriptor(number: number): string | null;
  text(address: bigint): string | null;
}

/** `told` is a line of /proc/.../syscall. Null for what says nothing. */
export function describeCall(told: string, arch: string, places: Places): string | null {
  const [what = "", first = "", second = ""] = told.trim().split(" ");
  if (what === "running") return "computing";
  const column = arch === "x64" ? 1 : arch === "arm64" ? 2 : null;
  if (column === null || !/^\d+$/.test(what)) return null;
  const call = CALLS.find((one) => one[column] === Number(what));
  if (call === undefined) return null;
  const [name, , , names] = call;
  const place = placeOf(names, first, second, places);
  return place === null ? name : `${name} of ${quoteBytes(place)}`;
}

function placeOf(names: Names, first: string, second: string, places: Places): string | null {
  switch (names) {
    case "descriptor":
      return places.descriptor(Number(first));
    case "path":
      return places.text(BigInt(first));
    case "path at":
      return places.text(BigInt(second));
    case null:
      return null;
  }
}

const ours: Places = {
  descriptor: (number) => attempt(() => fs.readlinkSync(`/proc/self/fd/${number}`, "latin1")),
  // The call still waits, or nearly so: what it was given is there.
  text: (address) =>
    attempt(() => {
      const memory = fs.openSync("/proc/self/mem", "r");
      try {
        const bytes = Buffer.alloc(LONGEST);
        const got = fs.readSync(memory, bytes, 0, LONGEST, address);
        const end = bytes.subarray(0, got).indexOf(0);
        return end > 0 ? bytes.toString("latin1", 0, end) : null;
      } finally {
        fs.closeSync(memory);
      }
    }),
};

/** The system's number of the thread that asks; null where it can't be known. */
export const ownTask = (): number | null =>
  attempt(() => Number(fs.readlinkSync("/proc/thread-self").replace(/^.*\//, "")));

/** What a thread of this process waits in, or that it computes; null where that can't be known. */
export const systemCall = (task: number | null): string | null =>
  attempt(() =>
    describeCall(fs.readFileSync(`/proc/self/task/${task}/syscall`, "latin1"), process.arch, ours),
  );

function attempt<Of>(look: () => Of): Of | null {
  try {
    return look();
  } catch {
    return null;
  }
}
