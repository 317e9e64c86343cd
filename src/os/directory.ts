// The directory a process works in.

import { serverError } from "../errors.ts";

/** Stays where it is where that directory is gone. */
export function enterWhereThere(path: string): void {
  try {
    process.chdir(path);
  } catch {
    // Whoever needs something from there says so.
  }
}

/** Throws CHDIR_FAILED. */
export function enterDirectory(path: string): void {
  try {
    process.chdir(path);
  } catch (error) {
    // Node's message names the directory left, too, and mere rubbish where that is gone.
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw serverError("CHDIR_FAILED", { path, reason: code }, error);
  }
}
