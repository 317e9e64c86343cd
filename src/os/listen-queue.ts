// How many connections wait in the kernel's queue of a listening socket, and how many it has turned away: by /proc, on Linux
// alone. https://man7.org/linux/man-pages/man5/proc_pid_net.5.html

import { readFileSync } from "node:fs";
import { inodeOf } from "./inode.ts";
import { linesOf } from "./socket-table.ts";

/** Tells how many connections wait at each of these descriptors; null where that can't be known. */
export type QueueReader = (fds: readonly number[]) => readonly (number | null)[];

/** By inode. Need not go on once all that are wanted are in it. */
type Queues = ReadonlyMap<string, number>;

/** What was found at a socket's last look. */
interface Seen {
  /** The table's, among TABLES. */
  readonly place: number;
  readonly waiting: number;
}

const TABLES: readonly ((wanted: ReadonlySet<string>) => Queues)[] = [
  (wanted) => tcpQueues("/proc/self/net/tcp", wanted),
  (wanted) => tcpQueues("/proc/self/net/tcp6", wanted),
  unixQueues,
];

/**
 * A reader that remembers in which of the kernel's tables each socket stands: the others may hold tens of thousands of
 * connections, which the kernel would look through for nothing, 15 ms each time.
 */
export function createQueueReader(): QueueReader {
  let known: ReadonlyMap<string, Seen> = new Map();
  return (fds) => {
    const inodes = fds.map(inodeOf);
    const sockets = inodes.filter((inode) => inode !== undefined);
    const found = new Map<string, Seen>();
    for (const [place, read] of TABLES.entries()) {
      const wanted = new Set(
        sockets.filter((inode) => !found.has(inode) && (known.get(inode)?.place ?? place) === place),
      );
      if (wanted.size === 0) continue;
      const queues = read(wanted);
      for (const inode of wanted) {
        const waiting = queues.get(inode);
        if (waiting !== undefined) found.set(inode, { place, waiting });
      }
    }
    known = found;
    return inodes.map((inode) => (inode === undefined ? null : (found.get(inode)?.waiting ?? null)));
  };
}

const LISTENING = "0A";

/** The table begins with the sockets that listen, whose receive queue is the queue of connections. */
function tcpQueues(file: string, wanted: ReadonlySet<string>): Queues {
  const queues = new Map<string, number>();
  for (const line of linesOf(file, LINE)) {
    const fields = line.trim().split(/ +/);
    if (fields[3] !== LISTENING) break;
    const waiting = Number.parseInt(fields[4]?.split(":")[1] ?? "", 16);
    const inode = fields[9];
    if (inode !== undefined && wanted.has(inode) && Number.isFinite(waiting)) queues.set(inode, waiting);
    if (queues.size === wanted.size) break;
  }
  return queues;
}

/** Bytes of a line of IPv4's table: connections, which are beyond the last listener, are not looked for. */
const LINE = 150;

/**
 * By inode. A connection that waits to be accepted is a socket without an inode that is "connecting" and has its listener's
 * path: https://github.com/torvalds/linux/blob/master/net/unix/af_unix.c, unix_seq_show().
 */
function unixQueues(): Queues {
  let text: string;
  try {
    text = readFileSync("/proc/self/net/unix", "latin1");
  } catch {
    return new Map();
  }
  const inodes = new Map<string, string>();
  const waiting = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, flags, state, inode, path] = /^\S+ \w+ \w+ (\w+) \w+ (\w+) +(\d+) (.+)$/.exec(line) ?? [];
    if (path === undefined || inode === undefined) continue;
    if (flags === "00010000") inodes.set(path, inode);
    else if (state === "02") waiting.set(path, (waiting.get(path) ?? 0) + 1);
  }
  return new Map([...inodes].map(([path, inode]) => [inode, waiting.get(path) ?? 0]));
}

/** How many a queue may hold that was asked to hold `backlog`. */
export function listenLimit(backlog: number): number {
  try {
    const most = Number(readFileSync("/proc/sys/net/core/somaxconn", "latin1"));
    return most > 0 ? Math.min(backlog, most) : backlog;
  } catch {
    return backlog;
  }
}

/** Connections that found a queue full: of all TCP sockets of this network namespace. Null where that can't be known. */
export function listenOverflows(): number | null {
  try {
    const [names = "", values = ""] = readFileSync("/proc/self/net/netstat", "latin1")
      .split("\n")
      .filter((line) => line.startsWith("TcpExt:"));
    const at = names.split(" ").indexOf("ListenOverflows");
    const value = Number(values.split(" ")[at]);
    return at > 0 && Number.isFinite(value) ? value : null;
  } catch {
    return null;
  }
}
