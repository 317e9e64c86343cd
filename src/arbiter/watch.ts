// Watches files by chokidar, which is loaded with this file: only under --reload.
// Their directories are watched, so that a file that an editor replaces, or that is yet to be made, is seen too.

import { statSync } from "node:fs";
import { dirname, sep } from "node:path";
import { setTimeout } from "node:timers/promises";
import { watch as watchPaths } from "chokidar";
import type { Glob } from "./glob.ts";
import { watchPlaces } from "./places.ts";

export interface Watch {
  close(): void;
}

export interface WatchOptions {
  /** Absolute paths; they need not exist. */
  readonly files: ReadonlySet<string>;
  readonly globs: readonly Glob[];
  readonly poll: boolean;
  readonly changed: (path: string) => void;
  /** These directories are others now, and have to be watched anew, when this watch is closed. Called once at most. */
  readonly moved: (directories: readonly string[]) => void;
  readonly failed: (error: unknown) => void;
}

/** How often files are looked at where the system does not tell, in milliseconds. */
const POLL_INTERVAL = 100;
const NEVER = /[/\\](?:node_modules|\.git)$/;

/** Resolves when everything is watched. */
export async function watchFiles(options: WatchOptions): Promise<Watch> {
  const { files, globs, poll, changed, moved, failed } = options;
  const bases = globs.map(({ base }) => base);
  const targets = new Set([...[...files].map(dirname), ...bases]);
  /** The directories that lead to what is wanted: some may be missing yet. */
  const passages = new Set([...targets].flatMap(ancestors));
  const wanted = (path: string): boolean => files.has(path) || globs.some((glob) => glob.matches(path));
  const holds = (path: string): boolean =>
    passages.has(path) || (!NEVER.test(path) && bases.some((base) => path.startsWith(base + sep)));

  // Before anything is watched: what moves from here on is told of.
  const places = watchPlaces(passages, moved);
  const roots = [...new Set([...targets].flatMap(nearestDirectory))];
  // It would never be ready.
  if (roots.length === 0) return places;
  const watcher = watchPaths(roots, {
    ignoreInitial: true,
    usePolling: poll,
    interval: POLL_INTERVAL,
    binaryInterval: POLL_INTERVAL,
    // What is replaced is seen as one change, not as a loss followed by a find.
    atomic: true,
    ignored(path, stats) {
      if (stats === undefined) return false;
      return stats.isDirectory() ? !holds(path) : !wanted(path);
    },
  });
  watcher.on("error", failed);
  watcher.on("all", (event, path) => {
    if (event !== "addDir" && event !== "unlinkDir" && wanted(path)) changed(path);
  });
  await new Promise<void>((resolve) => watcher.on("ready", () => resolve()));
  // Now all is listed, but what each file is before it changes is only being looked at.
  if (poll) await setTimeout(POLL_INTERVAL);
  return {
    close() {
      places.close();
      watcher.close().catch(failed);
    },
  };
}

/** The directory itself and all above it. */
function ancestors(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [path, ...ancestors(above)];
}

/** The directory itself, or the nearest above it that exists. */
const nearestDirectory = (path: string): string[] => ancestors(path).filter(isDirectory).slice(0, 1);

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // not there yet, or out of reach
  }
}
