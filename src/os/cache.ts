// Where compiled TypeScript may be kept. What lies there is executed, so nobody else may be able to write to it.
import { lstatSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** True where the directory is ours alone to write. */
function isPrivate(directory: string): boolean {
  const found = lstatSync(directory);
  const ours = process.getuid === undefined || found.uid === process.getuid();
  return found.isDirectory() && ours && (found.mode & 0o022) === 0;
}

/**
 * The private cache directory `$XDG_CACHE_HOME/tgunicorn/<name>` (or below `~/.cache`), made with mode 0700
 * where it is missing. False where it can't be made, belongs to someone else, is a symbolic link, or can be
 * written by group or others: then there is no cache.
 */
export function privateCache(name: string, env: NodeJS.ProcessEnv = process.env): string | false {
  const configured = env.XDG_CACHE_HOME;
  // The XDG base directory specification says that relative paths are invalid and to be ignored.
  const base =
    configured !== undefined && isAbsolute(configured) ? configured : join(env.HOME || homedir(), ".cache");
  const ours = join(base, "tgunicorn");
  const directory = join(ours, name);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return isPrivate(ours) && isPrivate(directory) ? directory : false;
  } catch {
    // A read-only home, a file in the way, no home at all: the cache is a convenience.
    return false;
  }
}
