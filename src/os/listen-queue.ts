// How many connections wait in the kernel's queue of a listening socket, and how many it has turned away: by /proc, on Linux
// alone. https://man7.org/linux/man-pages/man5/proc_pid_net.5.html

import { closeSync, openSync, readFileSync, readlinkSync, readSync } from "node:fs";

/** Connections that wait at each of these descriptors; null where that can't be known. */
export function listenQueues(fds: readonly number[]): readonly (number | null)[] {
  const inodes = fds.map(inodeOf);
  if (inodes.every((inode) => inode === undefined)) return fds.map(() => null);
  const queues = new Map([...tcpQueues("/proc/self/net/tcp"), ...tcpQueues("/proc/self/net/tcp6")]);
  const unix = inodes.some((inode) => inode !== undefined && !queues.has(inode));
  const all = unix ? new Map([...queues, ...unixQueues()]) : queues;
  return inodes.map((inode) => (inode === undefined ? null : (all.get(inode) ?? null)));
}

function inodeOf(fd: number): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
  } catch {
    return undefined;
  }
}

/** By inode. The table begins with the sockets that listen, whose receive queue is the queue of connections. */
function tcpQueues(file: string): Map<string, number> {
  const queues = new Map<string, number>();
  for (const line of listeningLines(file)) {
    const fields = line.trim().split(/ +/);
    const waiting = Number.parseInt(fields[4]?.split(":")[1] ?? "", 16);
    const inode = fields[9];
    if (inode !== undefined && Number.isFinite(waiting)) queues.set(inode, waiting);
  }
  return queues;
}

const LISTENING = "0A";

/** Reads no further than needed: there may be tens of thousands of connections behind them. */
function listeningLines(file: string): string[] {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch {
    return [];
  }
  try {
    const bytes = Buffer.alloc(1 << 14);
    const lines: string[] = [];
    let rest = "";
    let first = true;
    for (let read = readSync(fd, bytes); read > 0; read = readSync(fd, bytes)) {
      const complete = (rest + bytes.toString("latin1", 0, read)).split("\n");
      rest = complete.pop() ?? "";
      for (const line of complete) {
        if (first) first = false;
        else if (line.trim().split(/ +/)[3] === LISTENING) lines.push(line);
        else return lines;
      }
    }
    return lines;
  } catch {
    return [];
  } finally {
    closeSync(fd);
  }
}

/**
 * By inode. A connection that waits to be accepted is a socket without an inode that is "connecting" and has its listener's
 * path: https://github.com/torvalds/linux/blob/master/net/unix/af_unix.c, unix_seq_show().
 */
function unixQueues(): Map<string, number> {
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
