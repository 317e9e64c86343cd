// Which files the application imports, for --reload alone: nothing of this is loaded in production.

import { readFileSync } from "node:fs";
import module, { createRequire } from "node:module";
import { resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { ROOT } from "../../root.ts";
import { relativeImports } from "./relative-imports.ts";
import { candidatesFor, isFile } from "./resolve.ts";
import { parseAppUri } from "./uri.ts";

export interface Imports {
  /** The files that have become known since the last call: absolute paths, also of files that are missing. */
  take(): readonly string[];
  /**
   * To be called when loading has failed: whatever was not reached is looked for in the sources, since the mistake may
   * be mended anywhere.
   */
  failed(): void;
}

const PACKAGES = `${sep}node_modules${sep}`;
const MOST_FILES = 5_000;

/** Begins to note what this thread imports. */
export function trackImports(): Imports {
  const known = new Set<string>();
  let fresh: string[] = [];
  const note = (path: string): void => {
    if (known.has(path) || path.includes(PACKAGES) || path.startsWith(ROOT)) return;
    known.add(path);
    fresh.push(path);
  };
  const noteUrl = (url: string): void => {
    if (url.startsWith("file:")) note(fileURLToPath(url));
  };
  const { cache } = createRequire(import.meta.url);
  const hooked = hookResolve(noteUrl);

  const look = (): void => {
    hooked();
    // What jiti evaluates and, before module.registerHooks(), CommonJS pass by the hooks.
    for (const path of Object.keys(cache)) note(path);
  };

  return {
    take() {
      look();
      const taken = fresh;
      fresh = [];
      return taken;
    },
    failed() {
      look();
      for (const path of known) {
        if (known.size > MOST_FILES) return;
        for (const imported of relativeImports(path, read(path))) {
          const candidates = [
            ...candidatesFor(imported),
            ...candidatesFor(imported.replace(/\.([mc]?)js$/, ".$1ts")),
          ];
          const found = candidates.find(isFile);
          // One that is missing may be what has to be made.
          for (const path of found === undefined ? candidates : [found]) note(path);
        }
      }
    },
  };
}

/** The files that may be meant by the application's name, whether or not they exist. */
export function entryFiles(uri: string, cwd: string): readonly string[] {
  try {
    const { module: name } = parseAppUri(uri);
    const dotted = /^[\w-]+(\.[\w-]+)+$/.test(name)
      ? candidatesFor(resolve(cwd, name.replaceAll(".", "/")))
      : [];
    return [...candidatesFor(resolve(cwd, name)), ...dotted];
  } catch {
    return []; // no name of a module: no file will mend that
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

interface Resolved {
  readonly url: string;
}
interface Context {
  readonly parentURL?: string | undefined;
}
type Next = (specifier: string, context: Context) => Resolved;

/** Has `note` called with the URL of each module; the function returned brings in those that are on their way. */
function hookResolve(note: (url: string) => void): () => void {
  const register: unknown = Reflect.get(module, "registerHooks"); // Node.js 22.15 and 23.5
  if (typeof register !== "function") return hookThread(note);
  Reflect.apply(register, module, [
    {
      resolve(specifier: string, context: Context, next: Next): Resolved {
        try {
          const resolved = next(specifier, context);
          note(resolved.url);
          return resolved;
        } catch (error) {
          if (/^\.{0,2}\//.test(specifier) && context.parentURL !== undefined) {
            note(new URL(specifier, context.parentURL).href);
          }
          throw error;
        }
      },
    },
  ]);
  return () => undefined;
}

/** The same for Node.js 20, where hooks run in a thread of their own. */
const THREAD = `let port;
export async function initialize(data) {
  port = data.port;
}
export async function resolve(specifier, context, next) {
  try {
    const resolved = await next(specifier, context);
    port.postMessage(resolved.url);
    return resolved;
  } catch (error) {
    if (/^\\.{0,2}\\//.test(specifier) && context.parentURL !== undefined) {
      port.postMessage(new URL(specifier, context.parentURL).href);
    }
    throw error;
  }
}`;

function hookThread(note: (url: string) => void): () => void {
  const { port1, port2 } = new MessageChannel();
  module.register(`data:text/javascript,${encodeURIComponent(THREAD)}`, {
    data: { port: port2 },
    transferList: [port2],
  });
  port1.unref();
  return () => {
    for (let got = receiveMessageOnPort(port1); got !== undefined; got = receiveMessageOnPort(port1)) {
      const url: unknown = got.message;
      if (typeof url === "string") note(url);
    }
  };
}
