// The directory the server was started in, as the shell names it.

import { statSync } from "node:fs";
import { isAbsolute } from "node:path";

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
