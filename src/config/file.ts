// Finds the configuration file and reads it. The only part of the settings that touches files.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, extname, resolve } from "node:path";
import { ServerError, serverError } from "../errors.ts";
import { show } from "./codec.ts";
import { entriesOf } from "./codec-lists.ts";
import type { ConfigContext } from "./define.ts";
import { explain } from "./file-errors.ts";
import type { FileContent } from "./layers.ts";
import { type CacheDirectory, loadModule } from "./module.ts";
import { shownPath } from "./shown-path.ts";

const codeExtensions = [".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"];
const dataExtensions = [".json", ".yaml", ".yml"];
const extensions = [...codeExtensions, ...dataExtensions];
const packageKey = "tgunicorn";

/** Where a file is looked for, in this order, in the start directory alone. */
export const searchPlaces: readonly string[] = [
  ...extensions.map((ext) => `gunicorn.conf${ext}`),
  "package.json",
];

/** Whether what stands in the file is executed. */
export const isCode = (path: string): boolean => codeExtensions.includes(extname(path));

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** A package.json that can't be read is npm's matter, unless `-c` names it. */
function hasKey(path: string): boolean {
  try {
    return readFileSync(path, "utf8").includes(JSON.stringify(packageKey));
  } catch {
    return false;
  }
}

/**
 * The file in the start directory, where there is one. Cheap, so that a start without a file loads no library: a
 * package.json without the key's name has no such key.
 * @throws CONFIG_FILE_FAILED where a name is taken by what is no file: a broken link, or the directory that a container
 * makes in place of a file that was to be mounted.
 */
export function findFile(cwd: string): string | undefined {
  // Where the directory itself is gone, whoever changes to it says so.
  const present = new Set(existsSync(cwd) ? readdirSync(cwd) : []);
  for (const name of searchPlaces.filter((place) => present.has(place))) {
    const path = resolve(cwd, name);
    if (name === "package.json") return hasKey(path) ? path : undefined;
    if (!isFile(path)) throw failed(path, cwd, "is not a file");
    return path;
  }
  return undefined;
}

/**
 * The file that `-c` names, absolute.
 * @throws CONFIG_FILE_MISSING where there is none, CONFIG_FILE_FAILED where it is of a kind that can't be read.
 */
export function namedFile(written: string, origin: string, cwd: string): string {
  const given = written.startsWith("file:")
    ? written.slice("file:".length).replace(/^\/\/(?=\/)/, "")
    : written;
  const path = resolve(cwd, given);
  if (!existsSync(path)) throw serverError("CONFIG_FILE_MISSING", { path: given, origin });
  if (!isFile(path)) throw failed(path, cwd, "is not a file");
  if (!extensions.includes(extname(path))) {
    throw failed(path, cwd, `is no configuration file: its name must end in ${extensions.join(", ")}`);
  }
  return path;
}

const failed = (path: string, cwd: string, reason: string, at?: string, cause?: unknown) =>
  serverError("CONFIG_FILE_FAILED", { path: shownPath(path, cwd), at, reason }, cause);

/**
 * Reads the file anew, and everything relative that it imports.
 * @throws CONFIG_FILE_FAILED with the place in the file, where one is known.
 */
export async function readFile(
  path: string,
  context: ConfigContext,
  cache: CacheDirectory,
): Promise<FileContent> {
  const { cwd } = context;
  const origin = shownPath(path, cwd);
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (error) {
    throw failed(path, cwd, `can't be read: ${error instanceof Error ? error.message : error}`);
  }
  try {
    if (!isCode(path)) {
      const data = await readData(path, source);
      // A file with comments alone.
      return { origin, exports: false, values: data === undefined || data === null ? {} : valuesIn(data) };
    }
    const { value, ...rest } = chosen(await loadModule(path, cache));
    if (typeof value === "function" && isClass(value))
      throw failed(path, cwd, "expected an object of settings or a function, got a class");
    const made: unknown = await (typeof value === "function" ? value(context) : value);
    if (made === undefined && typeof value === "function")
      throw failed(path, cwd, "expected an object of settings, got undefined: the function returns nothing");
    return { origin, ...rest, values: valuesIn(made) };
  } catch (thrown) {
    if (thrown instanceof ServerError) throw thrown;
    const { at, reason } = explain(thrown, path, cwd);
    throw failed(path, cwd, reason, at, thrown);
  }

  function valuesIn(data: unknown): Readonly<Record<string, unknown>> {
    const entries = entriesOf(data);
    if (entries === undefined) throw failed(path, cwd, `expected an object of settings, got ${show(data)}`);
    return Object.fromEntries(entries);
  }
}

/**
 * By cosmiconfig's loaders alone. Its search reads other files too, whatever it is told to load: it looks for settings of its own
 * in package.json, and fails where that is broken.
 */
async function readData(path: string, source: string): Promise<unknown> {
  if (source.trim() === "") return undefined;
  const { defaultLoaders } = await import("cosmiconfig");
  const load = extname(path) === ".json" ? defaultLoaders[".json"] : defaultLoaders[".yaml"];
  const data: unknown = load(path, source);
  return basename(path) === "package.json" ? new Map(entriesOf(data)).get(packageKey) : data;
}

const isClass = (value: object) => /^class\b/.test(Function.prototype.toString.call(value));

type Chosen = Pick<FileContent, "exports" | "beside"> & { readonly value: unknown };

/** The default export where there is one, otherwise the named exports. */
function chosen(namespace: unknown): Chosen {
  const named = new Map(entriesOf(namespace));
  if (!named.has("default")) return { value: namespace, exports: named.size > 0 };
  const value = named.get("default");
  named.delete("default");
  return { value, exports: false, beside: Object.fromEntries(named) };
}
