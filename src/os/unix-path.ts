// The path of a unix socket: whose it is, and when it may be removed.

import { existsSync, fstatSync, lstatSync, readFileSync, unlinkSync } from "node:fs";
import net from "node:net";
import { dirname } from "node:path";
import { serverError } from "../errors.ts";
import { bindHandle } from "./handles.ts";

/** Of struct sockaddr_un's sun_path without its final zero: 108 on Linux, 104 on macOS and the BSDs. */
const LONGEST_PATH = process.platform === "linux" ? 107 : 103;

/** The umask that leaves exactly `mode`. Set at once: in the time before a chmod somebody may put a link in the path's place. */
export const umaskFor = (mode: number): number => 0o777 & ~mode;

/** Binds `path` under that umask, without listening; returns the descriptor. */
export function bindPath(path: string, umask: number): number {
  const before = process.umask(umask);
  try {
    return bindHandle({ path }).fd;
  } finally {
    process.umask(before);
  }
}

/** A path as it was made. */
export interface OwnPath {
  /** False where it is known to be another file by now, or gone. */
  isOurs(): boolean;
  /** Removes it while it is the same file. */
  unlink(): void;
}

/** `path` as it is now. While its socket is open no other file can have its number. */
export function ownPath(path: string): OwnPath {
  const { ino, dev } = lstatSync(path);
  const isSame = (): boolean => {
    const now = lstatSync(path, { throwIfNoEntry: false });
    return now?.ino === ino && now.dev === dev;
  };
  return {
    isOurs() {
      try {
        return isSame();
      } catch {
        // Out of reach by now, perhaps only for this process.
        return true;
      }
    },
    unlink() {
      try {
        if (isSame()) unlinkSync(path);
      } catch {
        // Gone already, or out of reach by now: nothing of ours is left to remove.
      }
    },
  };
}

/**
 * The path that an inherited socket was bound to, which node does not tell; null where it has none and where the
 * system is not Linux. https://man7.org/linux/man-pages/man5/proc_net.5.html
 */
export function boundPath(fd: number): string | null {
  try {
    const { ino } = fstatSync(fd);
    for (const line of readFileSync("/proc/net/unix", "utf8").split("\n")) {
      const [, number, path] = /^(?:\S+ +){6}(\d+) (\/.*)$/.exec(line) ?? [];
      if (Number(number) === ino) return path ?? null;
    }
  } catch {
    // no such descriptor, no /proc
  }
  return null;
}

/**
 * Makes sure that `path` can be bound: removes a socket that nobody listens on, refuses anything else. `name` is the address, `flag`
 * that by which another can be named.
 */
export async function makeRoom(path: string, name: string, flag = "--bind"): Promise<void> {
  // Before Node 24 libuv cuts a longer one short, and binds something else.
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    const reason = `its path is too long: the system takes ${LONGEST_PATH} bytes at the most`;
    throw serverError("BIND_FAILED", { address: name, reason });
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  // libuv would say EACCES.
  if (found === undefined && !existsSync(dirname(path)))
    throw serverError("BIND_FAILED", { address: name, reason: "its directory does not exist" });
  if (found === undefined) return;
  if (!found.isSocket()) throw serverError("BIND_NOT_A_SOCKET", { address: name, what: path });
  if (await answers(path)) throw serverError("BIND_IN_USE", { address: name, flag });
  const now = lstatSync(path, { throwIfNoEntry: false });
  if (now?.ino === found.ino && now.dev === found.dev) unlinkSync(path);
}

/** False where nobody listens on `path` any more. */
export function answers(path: string): Promise<boolean> {
  return new Promise((decided) => {
    const probe = net.connect({ path });
    probe.once("connect", () => {
      probe.destroy();
      decided(true);
    });
    // Only a refusal proves that nobody listens: a full queue (EAGAIN) or a forbidden path does not.
    probe.once("error", (error) => {
      const code = "code" in error ? error.code : undefined;
      decided(code !== "ECONNREFUSED" && code !== "ENOENT");
    });
  });
}
