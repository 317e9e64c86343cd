// Loads a configuration file that is code: TypeScript or JavaScript, ESM or CommonJS, without a trace in its folder
// and anew each time, with everything relative that it imports.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, sep } from "node:path";
import { entryPath, ROOT } from "../root.ts";

/** A directory for compiled sources that only we can write to, or false for none: what lies there is executed. */
export type CacheDirectory = string | false;

// Configuration files import `tgunicorn`, which may be installed where they can't see it.
const index = entryPath("index");
const packages = `${sep}node_modules${sep}`;

/** A script of the user's own, which jiti would leave to Node, whose module cache has no way to forget. */
const isOwnScript = (path: string) =>
  /\.[cm]?js$/.test(path) && !path.includes(packages) && !path.startsWith(ROOT);

/** The module's exports. Throws what the module throws. */
export async function loadModule(path: string, cache: CacheDirectory): Promise<unknown> {
  const { createJiti } = await import("jiti");
  const jiti = createJiti(path, { moduleCache: false, fsCache: cache, alias: { tgunicorn: index } });
  const evaluate = (file: string, how: { async: boolean }) => {
    const evaluated: unknown = jiti.evalModule(readFileSync(file, "utf8"), {
      filename: file,
      ext: extname(file),
      cache: modules,
      forceTranspile: true,
      ...how,
    });
    return evaluated;
  };

  // jiti asks here for every module before it reads it, so this is where scripts are read anew.
  const modules = new Proxy<typeof jiti.cache>(
    {},
    {
      get(known, file) {
        if (typeof file !== "string") return undefined;
        if (!(file in known) && isOwnScript(file)) {
          try {
            evaluate(file, { async: false });
          } catch {
            // With a top-level await, for one. Node's own import works or tells what is wrong, at the price of its cache.
            delete known[file];
          }
        }
        return known[file];
      },
    },
  );

  const { cache: required } = createRequire(path);
  const before = new Set(Object.keys(required));
  try {
    await evaluate(path, { async: true });
    return modules[path]?.exports;
  } catch (error) {
    // What jiti answers with merges the default export's members into the exports. It fails over a default of null, and
    // would await one that is a promise.
    if (modules[path]?.loaded === true) return modules[path].exports;
    throw error;
  } finally {
    // What was loaded by require, such as JSON, is read anew the next time.
    for (const file of Object.keys(required)) {
      if (!before.has(file) && !file.includes(packages)) delete required[file];
    }
  }
}
