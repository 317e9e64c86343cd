// Development's reload: gathers which files matter, and asks for a reload when one of them changes.

import { statSync } from "node:fs";
import { relative, resolve } from "node:path";
import type { Config } from "../config/config.ts";
import type { ErrorLog } from "../log/error-log.ts";
import { compileGlob, type Glob, isGlob } from "./glob.ts";
import { type Watch, watchFiles } from "./watch.ts";

export interface Reloader {
  /** What a worker says it has imported after `since`, in milliseconds of the epoch. */
  imported(paths: readonly string[], since: number): void;
  /** Follows the settings of another configuration. */
  follow(config: Config): void;
  close(): void;
}

export interface ReloaderOptions {
  readonly config: Config;
  readonly log: Pick<ErrorLog, "debug" | "info" | "warning">;
  readonly reload: () => void;
}

/** Changes that come so soon after one another are one change, in milliseconds. */
const TOGETHER = 60;
/** How much older than the clock the kernel's time stamps on files may be, in milliseconds: a tick of 100 Hz and some. */
const CLOCK_GRAIN = 20;
/** But no change waits longer, in milliseconds. */
const LONGEST = 1_000;

export function createReloader(options: ReloaderOptions): Reloader {
  const { log, reload } = options;
  let config = options.config;
  const imported = new Set<string>();
  /** When files were read that nobody has watched so far. */
  const unwatched = new Map<string, number>();
  let watch: Watch | undefined;
  let watching = false;
  let stale = false;
  let closed = false;

  const changes = new Set<string>();
  /** The change of each file that was told of last: a watch may tell of it just before it is complete. */
  const told = new Map<string, number | null>();
  let firstChange = 0;
  let timer: NodeJS.Timeout | undefined;
  const changed = (path: string): void => {
    const now = performance.now();
    if (changes.size === 0) firstChange = now;
    changes.add(path);
    told.set(path, changeTime(path));
    clearTimeout(timer);
    timer = setTimeout(tell, Math.min(TOGETHER, Math.max(0, firstChange + LONGEST - now)));
  };
  const tell = (): void => {
    const [first = "", ...others] = [...changes].map((path) => relative(config.chdir, path));
    changes.clear();
    log.info(`Reloading: ${first} has changed${others.length > 0 ? `, and ${others.length} more` : ""}`);
    reload();
  };

  /** Watches anew whenever there is more to watch; the old watch goes on until the new one is complete. */
  const rewatch = async (): Promise<void> => {
    watching = true;
    try {
      while (stale && !closed) {
        stale = false;
        const since = new Map(unwatched);
        const started = Date.now() - CLOCK_GRAIN;
        const files = new Set(imported);
        if (config.config !== null) files.add(config.config);
        const next = await watchFiles({
          files,
          globs: config.reloadExtraFiles.map((pattern) => globFor(pattern, config.chdir)),
          poll: config.reloadEngine === "poll",
          changed,
          failed: (error) => log.warning(`reload: ${error instanceof Error ? error.message : String(error)}`),
        });
        watch?.close();
        watch = next;
        if (closed) return next.close();
        log.debug(`Watching ${files.size} file(s) for changes`);
        // Between two watches neither may tell: the old one is closed before it has looked, the new one began after.
        for (const path of files) {
          const time = changeTime(path);
          if (time === null || time === told.get(path)) continue;
          if (time > Math.min(since.get(path) ?? started, started)) changed(path);
        }
        for (const path of since.keys()) unwatched.delete(path);
      }
    } finally {
      watching = false;
    }
  };
  const refresh = (): void => {
    stale = true;
    if (watching) return;
    rewatch().catch((error: unknown) => log.warning(`reload: ${String(error)}`));
  };

  refresh();
  return {
    imported(paths, since) {
      const fresh = paths.filter((path) => !imported.has(path));
      if (fresh.length === 0) return;
      for (const path of fresh) {
        imported.add(path);
        unwatched.set(path, since);
      }
      refresh();
    },
    follow(next) {
      const same =
        next.reloadEngine === config.reloadEngine &&
        next.config === config.config &&
        next.reloadExtraFiles.join("\0") === config.reloadExtraFiles.join("\0");
      config = next;
      if (!same) refresh();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      watch?.close();
    },
  };
}

/** A directory stands for all files below it. */
function globFor(pattern: string, cwd: string): Glob {
  if (isGlob(pattern)) return compileGlob(pattern, cwd);
  const path = resolve(cwd, pattern);
  const directory = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return directory
    ? { base: path, matches: (file) => file.startsWith(`${path}/`) }
    : compileGlob(pattern, cwd);
}

/** True where the file, or what its name stands for, is younger than `time`. */
/** In milliseconds of the epoch; null where there is no such file. */
function changeTime(path: string): number | null {
  try {
    return statSync(path).ctimeMs;
  } catch {
    return null;
  }
}
