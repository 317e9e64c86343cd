// TypeScript where Node can't read it itself: Node 20, syntax beyond types, imports without extension.

import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { createJiti, Jiti } from "jiti";
import { privateCache } from "../../os/cache.ts";
import { entryPath } from "../../root.ts";

// Measured: require() has it in 10 ms, import() in 22.
const create: typeof createJiti = createRequire(import.meta.url)("jiti");

const made = new Map<string, Jiti>();

/** The compiler for applications below `directory`, whose tsconfig.json is the one that counts. */
export function jitiFor(directory: string): Jiti {
  const known = made.get(directory);
  if (known !== undefined) return known;
  const jiti = create(join(directory, "noop.js"), {
    fsCache: privateCache("jiti"),
    // Modules look as they do to Node's own import(): a CommonJS module's default is its module.exports.
    interopDefault: false,
    // Lines are kept as they are in the source, so stack traces need no maps.
    sourceMaps: false,
    tsconfigPaths: true,
    // The running server's own package, also where it is installed globally.
    alias: { tgunicorn: entryPath("index"), "tgunicorn/workers": entryPath("workers") },
    jsx: { runtime: "automatic" },
  });
  made.set(directory, jiti);
  return jiti;
}

/** Resolves a package as `import` does, from the file `from`; undefined where there is none. */
export function esmResolve(specifier: string, from: string): string | undefined {
  const found = jitiFor(join(from, "..")).esmResolve(specifier, { parentURL: from, try: true });
  return found?.startsWith("file:") ? fileURLToPath(found) : found;
}
