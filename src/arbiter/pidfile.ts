// The pid file, by Gunicorn's rules: a live owner is respected, a stale file is taken over, and only the owner removes it.

import { readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { resolve as absolute } from "node:path";
import { serverError } from "../errors.ts";
import { madeMode } from "../log/descriptor.ts";

export interface Pidfile {
  readonly path: string;
  /** Removes the file if it is still ours. */
  remove(): void;
}

/** The process a pid file names, where it is alive and not this one; null otherwise, also for a file that is no pid file. */
export function liveOwner(path: string): number | null {
  const pid = readPid(path);
  if (pid === null || pid === process.pid) return null;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    // EPERM: somebody else's process, but alive.
    return error instanceof Error && "code" in error && error.code === "EPERM" ? pid : null;
  }
}

export interface PidfileOptions {
  /** What its mode, 0644, is to be without, apart from what the process's own umask takes. */
  readonly umask: number;
  /** A process known to be gone, whose number another may have got since. */
  readonly predecessor?: number | null;
}

/** Writes this process's pid; throws PIDFILE_IN_USE or PIDFILE_UNWRITABLE. */
export function createPidfile(written: string, { umask, predecessor = null }: PidfileOptions): Pidfile {
  // The arbiter may be in another directory when it removes the file.
  const path = absolute(written);
  const owner = liveOwner(path);
  if (owner !== null && owner !== predecessor) throw serverError("PIDFILE_IN_USE", { path, pid: owner });
  // Written aside and renamed, so that a reader never sees half a number.
  const aside = `${path}.${process.pid}`;
  try {
    writeFileSync(aside, `${process.pid}\n`, { mode: madeMode(umask), flag: "wx" });
    renameSync(aside, path);
  } catch (error) {
    unlinkQuietly(aside);
    const reason = error instanceof Error ? error.message : String(error);
    throw serverError("PIDFILE_UNWRITABLE", { path, reason }, error);
  }
  return {
    path,
    remove() {
      if (readPid(path) === process.pid) unlinkQuietly(path);
    },
  };
}

/** Where the pid file is to be: beside the other arbiter's while both run, as in Gunicorn. */
export function pidfilePath(path: string | null, elder: number | null): string | null {
  return path === null || elder === null ? path : `${path}.2`;
}

/** Puts the file where it is wanted now. The new one is there before the old one goes; where it can't be, the old one stays. */
export function movePidfile(
  held: Pidfile | null,
  wanted: string | null,
  log: { error(message: string): void },
  options: PidfileOptions,
): Pidfile | null {
  if ((held?.path ?? null) === (wanted === null ? null : absolute(wanted))) return held;
  try {
    const next = wanted === null ? null : createPidfile(wanted, options);
    held?.remove();
    return next;
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error));
    return held;
  }
}

function readPid(path: string): number | null {
  try {
    const text = readFileSync(path, "latin1").slice(0, 32).trim();
    return /^[1-9][0-9]*$/.test(text) ? Number(text) : null;
  } catch {
    return null; // no file, or one that can't be read: writing it will tell
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // gone already
  }
}
