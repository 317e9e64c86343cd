// Imports a module, whatever it is written in.

import module from "node:module";
import { dirname, extname } from "node:path";
import { pathToFileURL } from "node:url";
import { privateCache } from "../../os/cache.ts";
import { importLinked, mayHaveRun } from "./linked.ts";
import { isCode } from "./resolve.ts";

/** Imports the file and returns its namespace (or, for a `.cts` compiled by jiti, its module.exports). */
export async function importModule(path: string): Promise<unknown> {
  const extension = extname(path);
  const typescript = [".ts", ".mts", ".cts"].includes(extension);
  if ((typescript && !stripsTypes()) || [".tsx", ".jsx"].includes(extension)) return viaJiti(path);
  enableCompileCache();
  const { href } = pathToFileURL(path);
  if (!typescript) return await import(href);
  try {
    return await importLinked(href);
  } catch (error) {
    if (!isBeyondStripping(error) || (mayHaveRun(href) && !isRefused(error, path))) throw error;
    return await viaJiti(path, error);
  }
}

async function viaJiti(path: string, native?: unknown): Promise<unknown> {
  const { jitiFor } = await import("./jiti.ts");
  try {
    return await jitiFor(dirname(path)).import(path);
  } catch (error) {
    const { alike } = await import("./alike.ts");
    // Where both tell of one mistake, Node does it better: the line of source, and what was expected there.
    throw alike(native, error) ? native : error;
  }
}

/** Node.js strips types by itself since 22.18 and 23.6: https://nodejs.org/api/typescript.html */
function stripsTypes(): boolean {
  return "typescript" in process.features && Boolean(process.features.typescript);
}

/** Whether the module itself was not compiled: CommonJS is only when its turn to run comes. Node shows its line first. */
const isRefused = (error: unknown, path: string): boolean =>
  error instanceof SyntaxError && error.stack?.startsWith(`${path}:`) === true;

/**
 * True for what Node refuses in TypeScript that a compiler accepts. In static imports it is found before any module runs. In
 * what is imported later it may not be compiled anew: all that has run would run twice.
 */
function isBeyondStripping(error: unknown): boolean {
  if (
    isCode(
      error,
      "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX", // enums, namespaces, parameter properties
      "ERR_INVALID_TYPESCRIPT_SYNTAX",
      "ERR_MODULE_NOT_FOUND", // "./util" for ./util.ts, "./util.js" for ./util.ts, paths of tsconfig.json
      "ERR_UNSUPPORTED_DIR_IMPORT",
      "ERR_UNKNOWN_FILE_EXTENSION", // .tsx
      "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING",
    )
  ) {
    return true;
  }
  if (!(error instanceof SyntaxError)) return false;
  // A type imported without `type`: only a compiler knows that nothing is to be imported.
  if (/does not provide an export|^Named export/.test(error.message)) return true;
  // Decorators are no types, and V8 does not know them; nor `import` in what package.json calls CommonJS. The error's
  // first frame tells that a module was not even compiled.
  return /^\s*at [^\n]*\(node:internal\/modules\/(?:esm|cjs)\//.test(
    error.stack?.split(`${error.message}\n`)[1] ?? "",
  );
}

/** Writes at once what Node would write when the process ends: for workers that wait for this one to show that it loads. */
export function flushCompileCache(): void {
  const flush: unknown = Reflect.get(module, "flushCompileCache"); // Node.js 22.10
  if (typeof flush === "function") Reflect.apply(flush, module, []);
}

/**
 * Keeps compiled code, stripped types included, from one start to the next. Measured with Express and Hono in
 * TypeScript on Node 24: 46 ms instead of 97. https://nodejs.org/api/module.html#moduleenablecompilecachecachedir
 */
function enableCompileCache(): void {
  const enable: unknown = Reflect.get(module, "enableCompileCache"); // Node.js 22.8
  // Coverage is less exact for functions that come from the cache.
  if (typeof enable !== "function" || process.env.NODE_V8_COVERAGE) return;
  const directory = process.env.NODE_COMPILE_CACHE ?? privateCache("compiled");
  if (directory !== false) Reflect.apply(enable, module, [directory]);
}
