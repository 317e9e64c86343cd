// Finds a frame's place in the source it was compiled from, by the source map its file names.
// Done here and lazily because process.setSourceMapsEnabled() makes every `error.stack` of the application slower,
// wanted or not: https://nodejs.org/docs/latest-v20.x/api/process.html#processsetsourcemapsenabledval

import fs from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { quietly } from "./quietly.ts";

/** A place in a file; line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

interface LoadedMap {
  readonly map: SourceMap;
  /** What the names of its sources are relative to. */
  readonly base: string;
  readonly root: string;
  readonly size: number;
}

const MEBIBYTE = 1024 * 1024;
const LARGEST_FILE = 16 * MEBIBYTE;
const LARGEST_CACHE = 64 * MEBIBYTE;
const MOST_FILES = 256;

/** By file, least recently used first; null for files without a usable map. */
const cache = new Map<string, LoadedMap | null>();
let cached = 0;

function forget(file: string): void {
  cached -= cache.get(file)?.size ?? 0;
  cache.delete(file);
}

/** Where the code at this place of a file (a path or a file: URL) was written; undefined where no map says. Never throws. */
export function mapFrame(file: string, line: number, column: number): Position | undefined {
  try {
    const path = file.startsWith("file:") ? fileURLToPath(file) : file;
    const loaded = lookUp(path);
    if (loaded === null) return undefined;
    const entry = loaded.map.findEntry(line - 1, column - 1);
    // With no entry on the line, the nearest one before it is found, which says nothing about this place.
    if (!("originalSource" in entry) || entry.generatedLine !== line - 1) return undefined;
    // A segment that says of code that it was made by the tool itself.
    if (typeof entry.originalSource !== "string") return undefined;
    return {
      file: sourcePath(entry.originalSource, loaded),
      line: entry.originalLine + 1,
      column: entry.originalColumn + 1,
    };
  } catch {
    return undefined;
  }
}

function sourcePath(source: string, { base, root }: LoadedMap): string {
  const url = new URL(root + source, base);
  return url.protocol === "file:" ? fileURLToPath(url) : url.href;
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
  const code = readText(file);
  const reference = code === undefined ? undefined : mapReference(code);
  if (reference === undefined) return undefined;
  const fileUrl = pathToFileURL(file).href;
  if (reference.startsWith("data:")) return parse(decodeDataUri(reference), fileUrl);
  const url = new URL(reference, fileUrl);
  if (url.protocol !== "file:") return undefined;
  return parse(readText(fileURLToPath(url)), url.href);
}

function readText(path: string): string | undefined {
  const stat = fs.statSync(path);
  return stat.isFile() && stat.size <= LARGEST_FILE ? fs.readFileSync(path, "utf8") : undefined;
}

/** The URL in the last line of the form `//# sourceMappingURL=…`. */
function mapReference(code: string): string | undefined {
  const mark = "//# sourceMappingURL=";
  const at = code.lastIndexOf(mark);
  if (at === -1 || (at > 0 && code[at - 1] !== "\n")) return undefined;
  const end = code.indexOf("\n", at);
  return code.slice(at + mark.length, end === -1 ? undefined : end).trim() || undefined;
}

function decodeDataUri(uri: string): string | undefined {
  const comma = uri.indexOf(",");
  if (comma === -1 || uri.length > LARGEST_FILE) return undefined;
  const data = uri.slice(comma + 1);
  return uri.slice(0, comma).endsWith(";base64")
    ? Buffer.from(data, "base64").toString("utf8")
    : decodeURIComponent(data);
}

function parse(text: string | undefined, base: string): LoadedMap | undefined {
  if (text === undefined) return undefined;
  // Some tools put a line before the JSON, so that it can't be run as a script.
  const payload: unknown = JSON.parse(text.startsWith(")]}") ? text.slice(text.indexOf("\n")) : text);
  if (!isPayload(payload)) return undefined;
  const root = payload.sourceRoot ? payload.sourceRoot.replace(/\/?$/, "/") : "";
  return { map: new SourceMap(payload), base, root, size: text.length };
}

function isPayload(value: unknown): value is SourceMapPayload {
  return typeof value === "object" && value !== null && ("mappings" in value || "sections" in value);
}
