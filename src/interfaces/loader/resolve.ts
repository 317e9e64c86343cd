// From the module's name to the file to load.

import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { serverError } from "../../errors.ts";

/** TypeScript first: where `tsc` writes next to its sources, the source is what the user edits. */
const EXTENSIONS = [".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx"] as const;

/**
 * The file that `module` names, as a path: with or without extension relative to `cwd`, `pkg.mod` as `pkg/mod`, or a
 * package that resolves from `cwd`. Throws APP_NOT_FOUND with everything that was tried.
 */
export async function resolveModule(module: string, cwd: string): Promise<string> {
  const tried: string[] = [];
  const file = asFile(resolve(cwd, module), tried) ?? asDotted(module, cwd, tried);
  if (file !== undefined) return file;
  if (!isPackageName(module)) throw notFound(module, cwd, tried);
  return asPackage(module, cwd, tried);
}

/** The files that `path` may mean, the first that exists being the one. */
export function candidatesFor(path: string): readonly string[] {
  return [
    path,
    ...EXTENSIONS.map((extension) => path + extension),
    ...EXTENSIONS.map((extension) => join(path, `index${extension}`)),
  ];
}

function asFile(path: string, tried: string[]): string | undefined {
  const found = candidatesFor(path).find(isFile);
  if (found === undefined) tried.push(path);
  return found;
}

function asDotted(module: string, cwd: string, tried: string[]): string | undefined {
  if (!/^\w[\w-]*(\.\w[\w-]*)+$/.test(module)) return undefined;
  return asFile(resolve(cwd, module.replaceAll(".", "/")), tried);
}

const isPackageName = (module: string): boolean => /^(@[^/]+\/)?[^./][^:]*$/.test(module);

async function asPackage(module: string, cwd: string, tried: string[]): Promise<string> {
  const from = join(cwd, "noop.js");
  try {
    const found = createRequire(from).resolve(module);
    // A builtin resolves to its own name.
    if (found !== module) return found;
  } catch (error) {
    // A package that offers itself to `import` alone is no concern of require's.
    if (isCode(error, "ERR_PACKAGE_PATH_NOT_EXPORTED")) {
      const { esmResolve } = await import("./jiti.ts");
      const found = esmResolve(module, from);
      if (found !== undefined) return found;
    }
  }
  throw notFound(module, cwd, [...tried, `the package ${module}`]);
}

function notFound(module: string, cwd: string, tried: readonly string[]): Error {
  return serverError("APP_NOT_FOUND", { module, cwd, tried, extensions: EXTENSIONS });
}

export function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    // A directory that may not be searched: what it holds can't be loaded either.
    return false;
  }
}

export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.some((code) => code === error.code);
}
