// Whether what Node and what jiti say of one application is of one mistake. Node stops at the first thing that it can't
// read, which is often no mistake at all: `./util` for ./util.ts.

import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isCode } from "./resolve.ts";

export function alike(native: unknown, compiled: unknown): boolean {
  if (!(native instanceof Error) || !(compiled instanceof Error)) return false;
  const broken = /^ParseError: [\s\S]*\n\s*(\S.*):\d+:\d+$/.exec(compiled.message)?.[1];
  if (broken !== undefined) {
    return isCode(native, "ERR_INVALID_TYPESCRIPT_SYNTAX") && broken === placeOf(native);
  }
  const missing = missingOf(compiled);
  return missing !== undefined && missing === missingOf(native);
}

/** The file that Node shows a line of, above the message. */
function placeOf(error: Error): string | undefined {
  const place = /^(.+):\d+\n/.exec(error.stack ?? "")?.[1];
  return place?.startsWith("file:") ? fileURLToPath(place) : place;
}

/** What is not found, and who imports it, whichever of the two says so. */
function missingOf(error: Error): string | undefined {
  if (!isCode(error, "MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND")) return undefined;
  const [, name, from] =
    /^Cannot find (?:module|package) '(.+?)' imported from (.+)/.exec(error.message) ??
    /^Cannot find module '(.+)'\nRequire stack:\n- (.+)/.exec(error.message) ??
    [];
  if (name === undefined || from === undefined) return undefined;
  return `${name.startsWith(".") ? resolve(dirname(from), name) : name}\n${from}`;
}
