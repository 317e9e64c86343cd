// Node says where a syntax error is, except for ES modules that are imported: then the message is all there is.
// https://github.com/nodejs/node/issues/49441

import { readFile } from "node:fs/promises";
import { dirname, extname } from "node:path";
import type { Jiti } from "jiti";
import { relativeImports } from "./relative-imports.ts";
import { isCode } from "./resolve.ts";

const MOST_FILES = 500;

/** Looks for the syntax error in `entry` and the files it imports: `file:line:column`, or undefined where none is found. */
export async function locateSyntaxError(entry: string): Promise<string | undefined> {
  const { jitiFor } = await import("./jiti.ts");
  const jiti = jitiFor(dirname(entry));
  const queue = [entry];
  for (const path of queue) {
    const source = await read(path);
    if (source === undefined) continue;
    const at = parseFailure(jiti, path, source);
    if (at !== undefined) return at;
    for (const imported of relativeImports(path, source)) {
      if (!queue.includes(imported) && queue.length < MOST_FILES) queue.push(imported);
    }
  }
  return undefined;
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT", "EISDIR", "ENOTDIR", "EACCES")) return undefined;
    throw error;
  }
}

/** jiti reports a parse error as a module that says so. */
function parseFailure(jiti: Jiti, filename: string, source: string): string | undefined {
  // Node tells where a CommonJS module or a JSON file is wrong.
  if ([".json", ".cjs", ".cts"].includes(extname(filename))) return undefined;
  const ts = /\.[mc]?tsx?$/.test(filename);
  const code = jiti.transform({ source, filename, async: true, ts });
  const found = /^exports\.__JITI_ERROR__ = (\{.*\})/.exec(code)?.[1];
  if (found === undefined) return undefined;
  const at: { line: number; column: number } = JSON.parse(found);
  return `${filename}:${at.line}:${at.column + 1}`;
}
