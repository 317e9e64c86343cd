// How many connections wait in the kernel's queue of a listening socket, and how many it has turned away: by /proc, on Linux
// alone. https://man7.org/linux/man-pages/man5/proc_pid_net.5.html

import { closeSync, openSync, readFileSync, readlinkSync, readSync } from "node:fs";

/** Tells how many connections wait at each of these descriptors; null where that can't be known. */
export type QueueReader = (fds: readonly number[]) => readonly (number | null)[];

/** By inode, of those that were asked for. */
type Queues = ReadonlyMap<string, number>;

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
  let places: ReadonlyMap<string, number> = new Map();
  return (fds) => {
    const inodes = fds.map(inodeOf);
    const queues = new Map<string, number>();
    const found = new Map<string, number>();
    const missing = (place: number): ReadonlySet<string> =>
      new Set(
        inodes.flatMap((inode) =>
          inode === undefined || queues.has(inode) || (places.get(inode) ?? place) !== place ? [] : [inode],
        ),
      );
    for (const [place, read] of TABLES.entries()) {
      const wanted = missing(place);
      if (wanted.size === 0) continue;
      for (const [inode, waiting] of read(wanted)) {
        queues.set(inode, waiting);
        found.set(inode, place);
      }
    }
    places = found;
    return inodes.map((inode) => (inode === undefined ? null : (queues.get(inode) ?? null)));
  };
}

function inodeOf(fd: number): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
  } catch {
    return undefined;
  }
}

/** The table begins with the sockets that listen, whose receive queue is the queue of connections. */
function tcpQueues(file: string, wanted: ReadonlySet<string>): Queues {
  const queues = new Map<string, number>();
  for (const [state, waiting, inode] of entries(file)) {
    if (state !== LISTENING) break;
    if (inode !== undefined && wanted.has(inode) && waiting !== undefined) queues.set(inode, waiting);
    if (queues.size === wanted.size) break;
  }
  return queues;
}

const LISTENING = "0A";
/** Bytes of a line of IPv4's table. The kernel looks for what a read has room for: connections are beyond the last listener. */
const LINE = 150;

/** State, length of the receive queue and inode, read as they are asked for. */
function* entries(
  file: string,
): Generator<readonly [string | undefined, number | undefined, string | undefined]> {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch {
    return;
  }
  try {
    const bytes = Buffer.alloc(LINE);
    let rest = "";
    let names = true;
    for (let read = readSync(fd, bytes); read > 0; read = readSync(fd, bytes)) {
      const complete = (rest + bytes.toString("latin1", 0, read)).split("\n");
      rest = complete.pop() ?? "";
      for (const line of complete) {
        const fields = line.trim().split(/ +/);
        const waiting = Number.parseInt(fields[4]?.split(":")[1] ?? "", 16);
        if (!names) yield [fields[3], Number.isFinite(waiting) ? waiting : undefined, fields[9]];
        names = false;
      }
    }
  } catch {
    // What has been read is known.
  } finally {
    closeSync(fd);
  }
}

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
