// Development's reload: gathers which files matter, and asks for a reload when one of them changes.

import { statSync } from "node:fs";
import { relative } from "node:path";
import type { Config } from "../config/config.ts";
import type { ErrorLog } from "../log/error-log.ts";
import { compileGlob } from "./glob.ts";
import { type Watch, watchFiles } from "./watch.ts";

type Settings = Pick<Config, "chdir" | "config" | "reloadEngine" | "reloadExtraFiles">;

export interface Reloader {
  /** What a worker says it has imported after `since`, in milliseconds of the epoch. */
  imported(paths: readonly string[], since: number): void;
  /** Follows the settings of another configuration. */
  follow(config: Settings): void;
  close(): void;
}

export interface ReloaderOptions {
  readonly config: Settings;
  readonly log: Pick<ErrorLog, "debug" | "info" | "warning">;
  readonly reload: () => void;
}

/** Changes that come so soon after one another are one change, in milliseconds. */
const TOGETHER = 60;
/** How much older than the clock the kernel's time stamps on files may be, in milliseconds: a tick of 100 Hz and some. */
const CLOCK_GRAIN = 20;
/** But no change waits longer, in milliseconds. */
const LONGEST = 1_000;
/**
 * What changes while one watch takes another's place may not have been told of by the old one yet, nor seen by the new one: on a
 * busy machine that takes its first look late. For so long both go on, in milliseconds, and then all is looked at once more.
 */
const LAST_LOOK = 1_000;
const GONE = "gone";

export function createReloader(options: ReloaderOptions): Reloader {
  const { log, reload } = options;
  let { config } = options;
  const imported = new Set<string>();
  /** The one in force, and those whose last look is yet to come. */
  const watches = new Set<Watch>();
  /** Directories have been replaced, and what watches them watches those that were there. */
  let moved = false;
  let watching = false;
  let stale = false;
  let closed = false;

  const changes = new Set<string>();
  /** What each file was when it was looked at or told of last. Two watches may see one change, or neither. */
  const known = new Map<string, string>();
  let firstChange = 0;
  let timer: NodeJS.Timeout | undefined;
  const changed = (path: string, { state } = lookAt(path)): void => {
    if (closed || known.get(path) === state) return;
    known.set(path, state);
    const now = performance.now();
    if (changes.size === 0) firstChange = now;
    changes.add(path);
    clearTimeout(timer);
    timer = setTimeout(tell, Math.min(TOGETHER, Math.max(0, firstChange + LONGEST - now)));
  };
  /** A file that is known is compared with what it was, any other was read after `since`, in milliseconds of the epoch. */
  const note = (path: string, since: number): void => {
    const look = lookAt(path);
    if (known.has(path) || look.changedAt > since) changed(path, look);
    else known.set(path, look.state);
  };
  const tell = (): void => {
    const [first = "", ...others] = [...changes].map((path) => relative(config.chdir, path));
    log.info(`Reloading: ${first} has changed${others.length > 0 ? `, and ${others.length} more` : ""}`);
    // An editor empties a file before it writes: what the reload reads need not be told of once more.
    for (const path of changes) known.set(path, lookAt(path).state);
    changes.clear();
    reload();
  };

  /**
   * What a pattern begins with is another directory, or is in one. The new watch looks at the files that are known, but who
   * knows which these were? Unless one of them has been told of as it is now: so are those that are made with their directory.
   */
  const remade = (base: string): void => {
    const now = lookAt(base);
    const told = ([path, state]: readonly [string, string]): boolean =>
      leadsTo(base, path) && state !== GONE && state === lookAt(path).state;
    if (now.state !== GONE && ![...known].some(told)) changed(base, now);
  };
  const end = (watch: Watch): void => {
    watches.delete(watch);
    watch.close();
  };
  const closeAll = (): void => {
    for (const watch of watches) end(watch);
  };

  /** Watches anew whenever there is more to watch; the old watch goes on until the new one is complete. */
  const rewatch = async (): Promise<void> => {
    watching = true;
    try {
      while (stale && !closed) {
        stale = false;
        // chokidar has one watch of a path for all who ask: a new one comes only after the old one.
        if (moved) closeAll();
        moved = false;
        const started = Date.now() - CLOCK_GRAIN;
        const files = new Set(imported);
        if (config.config !== null) files.add(config.config);
        const globs = config.reloadExtraFiles.map((pattern) => compileGlob(pattern, config.chdir));
        const next = await watchFiles({
          files,
          globs,
          poll: config.reloadEngine === "poll",
          changed,
          moved(directories) {
            moved = true;
            for (const { base } of globs) if (directories.some((path) => leadsTo(path, base))) remade(base);
            refresh();
          },
          failed: (error) => log.warning(`reload: ${error instanceof Error ? error.message : String(error)}`),
        });
        if (closed) return next.close();
        const former = [...watches];
        setTimeout(() => {
          for (const old of former) end(old);
          for (const path of known.keys()) changed(path);
        }, LAST_LOOK).unref();
        watches.add(next);
        log.debug(`Watching ${files.size} file(s) for changes`);
        // What changed before the watch was complete, which may have begun with the file as it is now.
        for (const path of files) note(path, started);
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
        // At once: one that comes with another directory before it is watched does not look younger than it was.
        note(path, since);
      }
      refresh();
    },
    follow(next) {
      const same =
        // Patterns begin there.
        next.chdir === config.chdir &&
        next.reloadEngine === config.reloadEngine &&
        next.config === config.config &&
        next.reloadExtraFiles.join("\0") === config.reloadExtraFiles.join("\0");
      config = next;
      if (!same) refresh();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      closeAll();
    },
  };
}

/** True for the path itself, and for what is below it. */
const leadsTo = (path: string, to: string): boolean => to === path || to.startsWith(`${path}/`);

interface Look {
  /**
   * Another after each change of what the file, or what its name stands for, holds; not of its owner or mode. That of a
   * directory stays whatever comes into it.
   */
  readonly state: string;
  /** In milliseconds of the epoch; 0 where there is no such file. */
  readonly changedAt: number;
}

function lookAt(path: string): Look {
  try {
    const stats = statSync(path, { bigint: true });
    const { ino, size, mtimeNs, birthtimeNs, ctimeMs } = stats;
    const state = stats.isDirectory() ? `${ino} ${birthtimeNs}` : `${ino} ${size} ${mtimeNs}`;
    return { state, changedAt: Number(ctimeMs) };
  } catch {
    return { state: GONE, changedAt: 0 };
  }
}
