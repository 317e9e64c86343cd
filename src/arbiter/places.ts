// Tells when a path leads to another directory than before: one that was removed and made again, swapped by rename, or
// behind a symbolic link that was switched. The system reports only on the directory that was there.

import { statSync } from "node:fs";

/** In milliseconds. To look at a hundred directories takes less than one of them. */
const INTERVAL = 250;

/** Calls `moved` once, with the paths that lead elsewhere, to nothing, or to what was missing. */
export function watchPlaces(
  paths: Iterable<string>,
  moved: (paths: readonly string[]) => void,
): { close(): void } {
  const before = new Map([...paths].map((path) => [path, placeAt(path)]));
  const timer = setInterval(() => {
    const others = [...before].filter(([path, place]) => placeAt(path) !== place).map(([path]) => path);
    if (others.length === 0) return;
    clearInterval(timer);
    moved(others);
  }, INTERVAL).unref();
  return { close: () => clearInterval(timer) };
}

/** Which directory it is. A new one often gets the number of one that was just removed, but not its time of birth. */
function placeAt(path: string): string {
  try {
    const stats = statSync(path, { bigint: true });
    return stats.isDirectory() ? `${stats.dev} ${stats.ino} ${stats.birthtimeNs}` : "";
  } catch {
    return ""; // not there, or out of reach
  }
}
