// The directory the server was started in, as the shell names it.

import { statSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";

/**
 * `PWD` where it is the same directory as `cwd`, or else `cwd`. The shell's name keeps symbolic links, so that a server
 * started in `/srv/app/current` finds the release that `current` leads to at a reload or an upgrade, as Gunicorn does.
 */
export function startDirectory(pwd: string | undefined, cwd: string): string {
  if (pwd === undefined || !isAbsolute(pwd)) return cwd;
  try {
    const [named, real] = [statSync(pwd), statSync(cwd)];
    return named.ino === real.ino && named.dev === real.dev ? pwd : cwd;
  } catch {
    return cwd;
  }
}

/**
 * A path below the start directory, by that directory's name: Node.js completes a program's path by the directory that a link led to
 * (`real`), and an upgrade through the link would find the release that was.
 */
export function underStartDirectory(path: string, start: string, real: string): string {
  return path.startsWith(real + sep) ? join(start, relative(real, path)) : path;
}
