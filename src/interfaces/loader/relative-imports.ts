// What a source imports by relative paths, told from its text: for sources that can't be run.

import { dirname, resolve } from "node:path";

const RELATIVE_IMPORT = /(?:\bfrom|\bimport|\bimport\s*\(|\brequire\s*\()\s*["'](\.{1,2}\/[^"'\n]+)["']/g;

/** The absolute paths, as they are written: perhaps without an extension. */
export function relativeImports(path: string, source: string): readonly string[] {
  return [...source.matchAll(RELATIVE_IMPORT)].map(([, specifier]) =>
    resolve(dirname(path), specifier ?? ""),
  );
}
