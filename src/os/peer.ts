// Who is at the other end of a connected socket, by its descriptor alone: for another thread than the one that has the
// socket. https://man7.org/linux/man-pages/man5/proc_pid_net.5.html

import { inodeOf } from "./inode.ts";
import { linesOf } from "./socket-table.ts";

export interface Peer {
  /** Empty on a unix socket. */
  readonly address: string;
  readonly port: number | undefined;
}

/** Linux alone tells. */
export const FINDS_PEERS = process.platform === "linux";

/** `gone` where the descriptor is no socket any more, `unknown` where there was no time to find out. */
export type Found = Peer | "gone" | "unknown";

interface Table {
  readonly file: string;
  /** Which field of a line is the inode, and whose line that is. */
  readonly inode: number;
  readonly peer: (fields: readonly string[]) => Peer;
}

const tcp = (file: string): Table => ({ file, inode: 9, peer: ([, , remote = ""]) => endpointOf(remote) });

/** The shortest first: those of TCP have a line for each connection of the machine, those that are over for a while included. */
const TABLES: readonly Table[] = [
  { file: "/proc/self/net/unix", inode: 6, peer: () => ({ address: "", port: undefined }) },
  tcp("/proc/self/net/tcp"),
  tcp("/proc/self/net/tcp6"),
];

/** Bytes that are read at a time. */
const PIECE = 1 << 16;
/** Lines that are looked at, of each table, however late it is: on a busy machine the time may be over before there was a processor. */
const FIRST = 4_096;

/** Who is at the other end of each of these descriptors. Looks for `most` milliseconds, and no longer than there is somebody to be found. */
export function findPeers(fds: readonly number[], most = 300): ReadonlyMap<number, Found> {
  const found = new Map<number, Found>();
  const wanted = new Map<string, number>();
  for (const fd of fds) {
    const inode = inodeOf(fd);
    found.set(fd, inode === undefined ? "gone" : "unknown");
    if (inode !== undefined) wanted.set(inode, fd);
  }
  const until = performance.now() + most;
  for (const table of TABLES) {
    if (wanted.size === 0) break;
    for (const [inode, peer] of peersIn(table, new Set(wanted.keys()), until)) {
      const fd = wanted.get(inode);
      if (fd !== undefined) found.set(fd, peer);
      wanted.delete(inode);
    }
  }
  return found;
}

function* peersIn(
  { file, inode, peer }: Table,
  wanted: Set<string>,
  until: number,
): Generator<[string, Peer]> {
  // Most lines are nobody's that is asked for, and there may be tens of thousands.
  const any = new RegExp(` (?:${[...wanted].join("|")})(?: |$)`);
  let looked = 0;
  for (const line of linesOf(file, PIECE)) {
    if (any.test(line)) {
      const fields = line.trim().split(/ +/);
      const one = fields[inode];
      // Another number may be the same.
      if (one !== undefined && wanted.delete(one)) yield [one, peer(fields)];
      if (wanted.size === 0) return;
    }
    if (++looked % FIRST === 0 && performance.now() >= until) return;
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
