// Who is at the other end of a connected socket, by its descriptor alone: for another thread than the one that has the
// socket. https://man7.org/linux/man-pages/man5/proc_pid_net.5.html

import { closeSync, openSync, readSync } from "node:fs";
import { inodeOf } from "./inode.ts";

export interface Peer {
  /** Empty on a unix socket. */
  readonly address: string;
  readonly port: number | undefined;
}

/** Linux alone tells. */
export const FINDS_PEERS = process.platform === "linux";

/** `gone` where the descriptor is no socket any more, `unknown` where there was no time to find out. */
export type Found = Peer | "gone" | "unknown";

/**
 * Looks for `most` milliseconds in all: the system's tables have a line for each connection of the machine, those that are
 * over for a while included.
 */
export function createPeerFinder(most = 300): (fd: number) => Found {
  let table: Table | undefined;
  return (fd) => {
    const inode = inodeOf(fd);
    if (inode === undefined) return "gone";
    table ??= openTable(performance.now() + most);
    return table(inode);
  };
}

type Table = (inode: string) => Exclude<Found, "gone">;

/** Makes nothing of lines that nobody asks for: there may be tens of thousands. */
function openTable(until: number): Table {
  const { text, whole } = readTables(["/proc/self/net/tcp", "/proc/self/net/tcp6"], until);
  return (inode) => {
    const wanted = ` ${inode} `;
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
      const before = text
        .slice(text.lastIndexOf("\n", at) + 1, at)
        .trim()
        .split(/ +/);
      // The inode is the tenth on its line; another number may be the same.
      if (before.length === 9) return endpointOf(before[2] ?? "");
    }
    // A unix socket, where all others have been seen.
    return whole ? { address: "", port: undefined } : "unknown";
  };
}

function readTables(files: readonly string[], until: number): { text: string; whole: boolean } {
  const bytes = Buffer.alloc(1 << 16);
  const pieces: string[] = [];
  let whole = true;
  for (const file of files) {
    const fd = openQuietly(file);
    if (fd === undefined) continue;
    for (let read = readSync(fd, bytes); read > 0 && whole; read = readSync(fd, bytes)) {
      pieces.push(bytes.toString("latin1", 0, read));
      whole = performance.now() < until;
    }
    closeSync(fd);
  }
  return { text: pieces.join(""), whole };
}

/** A system without IPv6 has one table only. */
function openQuietly(file: string): number | undefined {
  try {
    return openSync(file, "r");
  } catch {
    return undefined;
  }
}

/** `0100007F:D086`: words of four bytes in the order of the machine, and the port. */
function endpointOf(text: string): Peer {
  const [hex = "", port = ""] = text.split(":");
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, "hex").reverse()]);
  return { address: addressOf(bytes), port: Number.parseInt(port, 16) };
}

function addressOf(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join(".");
  // ::ffff:192.0.2.1
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255) return bytes.slice(12).join(".");
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
