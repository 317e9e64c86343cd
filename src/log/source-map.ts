// Finds a frame's place in the source it was compiled from, by the source map its file names.
// Done here and lazily because process.setSourceMapsEnabled() makes every `error.stack` of the application slower,
// wanted or not: https://nodejs.org/docs/latest-v20.x/api/process.html#processsetsourcemapsenabledval

import fs from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { quietly } from "./quietly.ts";
import { parseMap, type Section } from "./source-map/parse.ts";

/** A place in a file; line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

interface LoadedMap {
  readonly sections: readonly Section[];
  /** What the names of its sources are relative to. */
  readonly base: string;
  readonly size: number;
}

const MEBIBYTE = 1024 * 1024;
/** Some 0.1 s at the most, and with it nothing that Node's heap would have to hold. */
const LARGEST_FILE = 32 * MEBIBYTE;
const LARGEST_CACHE = 64 * MEBIBYTE;
const MOST_FILES = 256;

/** By file, least recently used first; null for files without a usable map. */
const cache = new Map<string, LoadedMap | null>();
let cached = 0;

function forget(file: string): void {
  cached -= cache.get(file)?.size ?? 0;
  cache.delete(file);
}

/**
 * Where the code at this place of a file (a path or a file: URL) was written; undefined where no map says, or where it would take longer
 * than `until`, on performance.now()'s clock. Never throws.
 */
export function mapFrame(
  file: string,
  line: number,
  column: number,
  until = Number.POSITIVE_INFINITY,
): Position | undefined {
  try {
    const path = file.startsWith("file:") ? fileURLToPath(file) : file;
    const known = cache.get(path);
    if (known === undefined && performance.now() >= until) return undefined;
    const loaded = lookUp(path);
    return loaded === null ? undefined : find(loaded, line - 1, column - 1, until);
  } catch {
    return undefined;
  }
}

function find(
  { sections, base }: LoadedMap,
  line: number,
  column: number,
  until: number,
): Position | undefined {
  const section = sections.findLast(
    (each) => each.line < line || (each.line === line && each.column <= column),
  );
  if (section === undefined) return undefined;
  const { mappings, sources, root } = section;
  const found = mappings.find(
    line - section.line,
    line === section.line ? column - section.column : column,
    until,
  );
  const source = found && sources[found.source];
  // Nor do those have a name that a tool has made.
  if (found === undefined || typeof source !== "string") return undefined;
  const url = new URL(root + source, base);
  return {
    file: url.protocol === "file:" ? fileURLToPath(url) : url.href,
    line: found.line + 1,
    column: found.column + 1,
  };
}

function lookUp(file: string): LoadedMap | null {
  const known = cache.get(file);
  if (known !== undefined) {
    cache.delete(file);
    cache.set(file, known);
    return known;
  }
  const loaded = quietly(() => load(file)) ?? null;
  cache.set(file, loaded);
  cached += loaded?.size ?? 0;
  for (const oldest of cache.keys()) {
    if (oldest === file || (cache.size <= MOST_FILES && cached <= LARGEST_CACHE)) break;
    forget(oldest);
  }
  return loaded;
}

function load(file: string): LoadedMap | undefined {
  const code = readFile(file);
  const reference = code === undefined ? undefined : mapReference(code);
  if (reference === undefined) return undefined;
  const fileUrl = pathToFileURL(file).href;
  if (reference.startsWith("data:")) return parse(decodeDataUri(reference), fileUrl);
  const url = new URL(reference, fileUrl);
  if (url.protocol !== "file:") return undefined;
  return parse(readFile(fileURLToPath(url)), url.href);
}

function readFile(path: string): Buffer | undefined {
  const stat = fs.statSync(path);
  return stat.isFile() && stat.size <= LARGEST_FILE ? fs.readFileSync(path) : undefined;
}

/** The URL in the last line of the form `//# sourceMappingURL=…`. */
function mapReference(code: Buffer): string | undefined {
  const mark = "//# sourceMappingURL=";
  const at = code.lastIndexOf(mark);
  if (at === -1 || (at > 0 && code[at - 1] !== LINE_FEED)) return undefined;
  const end = code.indexOf("\n", at);
  return code.toString("utf8", at + mark.length, end === -1 ? undefined : end).trim() || undefined;
}

const LINE_FEED = 0x0a;

function decodeDataUri(uri: string): Buffer | undefined {
  const comma = uri.indexOf(",");
  if (comma === -1) return undefined;
  const data = uri.slice(comma + 1);
  return uri.slice(0, comma).endsWith(";base64")
    ? Buffer.from(data, "base64")
    : Buffer.from(decodeURIComponent(data));
}

function parse(json: Buffer | undefined, base: string): LoadedMap | undefined {
  const sections = json && parseMap(json);
  if (sections === undefined) return undefined;
  return { sections, base, size: sections.reduce((sum, { size }) => sum + size, 0) };
}
