// Where the server's own code lies: what is loaded by path, and what is left out of a user's stack trace.
// The package is bundled into files that lie directly in dist/ (scripts/bundle.mjs), so no other file may ask where it
// lies itself.

import { extname } from "node:path";
import { fileURLToPath } from "node:url";

const root = new URL("./", import.meta.url);

/** The directory of all our code, with a separator at the end. */
export const ROOT = fileURLToPath(root);

/** The same as a URL. */
export const ROOT_URL = root.href;

/** An entry of the package, such as `workers/main`: scripts/bundle.mjs has the list of them. */
export function entryUrl(name: string): URL {
  return new URL(`${name}${extname(import.meta.url)}`, root);
}

/** The entry's path. */
export const entryPath = (name: string): string => fileURLToPath(entryUrl(name));
