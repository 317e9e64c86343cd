// The open file, pipe, socket or terminal behind a log target.

import fs from "node:fs";
import { resolve as absolute } from "node:path";

export interface Descriptor {
  readonly fd: number;
  /** True for stdout and stderr, which are not ours to close or reopen. */
  readonly shared: boolean;
  /** True for a regular file, where the kernel appends each write whole, however long. */
  readonly regular: boolean;
  close(): void;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "its directory does not exist",
  ENOTDIR: "a part of its path is not a directory",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a directory",
  ENXIO: "nothing reads this pipe or socket",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the device",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is too big",
  EPIPE: "its reader is gone",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "no route to it",
  ENETUNREACH: "no route to it",
  ENOTFOUND: "its host name does not resolve",
  EAI_AGAIN: "its host name does not resolve for now",
  ETIMEDOUT: "it does not answer",
  EMFILE: "too many open files",
};

/** An operating-system error in the words of a log message. */
export function errorReason(error: unknown): string {
  const code = errorCode(error);
  if (code !== undefined) return REASONS[code] ?? code;
  return error instanceof Error ? error.message : String(error);
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Paths that name the process's own descriptors: opening them anew fails on sockets and after a change of user. */
const STANDARD: Readonly<Record<string, 1 | 2>> = {
  "/dev/stdout": 1,
  "/dev/fd/1": 1,
  "/proc/self/fd/1": 1,
  "/dev/stderr": 2,
  "/dev/fd/2": 2,
  "/proc/self/fd/2": 2,
};

/** True for a target that is open already, so that nothing of its path matters. */
export const isInherited = (target: string): boolean => target === "-" || target in STANDARD;

// Without O_NONBLOCK the open of a named pipe waits for its reader, and so would every write when it is full.
const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY } = fs.constants;
const FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK;

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** How a file is made that is not there. */
export interface Making {
  /** Who is to own a regular file, also one that is there, for workers that reopen it without root's rights. */
  readonly owner?: Owner;
  /** What its mode is to be without, apart from what the process's own umask takes. Default nothing. */
  readonly umask?: number;
  /** Where a relative path begins. Default the process's directory at the time. */
  readonly directory?: string;
}

/** The mode of a file that is made, before the process's own umask. */
export const madeMode = (umask: number): number => 0o644 & ~umask;

/** Opens `target` for appending, or says why not. */
export function openDescriptor(
  target: string,
  standard: 1 | 2,
  { owner, umask = 0, directory = "" }: Making = {},
): Descriptor | { readonly reason: string } {
  const path = absolute(directory, target);
  const inherited = target === "-" ? standard : STANDARD[target];
  try {
    const fd = inherited ?? fs.openSync(path, FLAGS, madeMode(umask));
    const stats = fs.fstatSync(fd);
    const regular = stats.isFile();
    if (inherited !== undefined) return { fd, shared: true, regular, close: () => {} };
    if (regular && owner !== undefined) give(path, { fd, stats }, owner);
    return { fd, shared: false, regular, close: () => closeQuietly(fd) };
  } catch (error) {
    return { reason: errorReason(error) };
  }
}

/**
 * Whether it is by its own name or a link of ours that the file is found. By another's link, where that may write to the directory, any
 * file of root's would be given away.
 */
function isNamed(target: string, { ino, dev, nlink }: fs.Stats): boolean {
  const found = fs.lstatSync(target);
  if (found.isSymbolicLink()) return found.uid === process.geteuid?.();
  return found.ino === ino && found.dev === dev && nlink === 1;
}

/** Only root may give a file away; for anyone else it is theirs already or a matter for the operator. */
function give(path: string, file: { readonly fd: number; readonly stats: fs.Stats }, owner: Owner): void {
  try {
    if (isNamed(path, file.stats)) fs.fchownSync(file.fd, owner.uid, owner.gid);
  } catch {
    // It has been moved away in between, or the reopen, should it be denied later, says so.
  }
}

function closeQuietly(fd: number): void {
  try {
    fs.closeSync(fd);
  } catch {
    // A late write error (NFS, quota) has nothing left to act on.
  }
}
