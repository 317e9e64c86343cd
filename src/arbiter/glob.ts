// Patterns of file names: `*`, `**`, `?`, `[abc]`, `{a,b}`. Names that start with a dot have to be written out.
// What is no pattern stands for itself and, where it is a directory, for all files below it.

import { resolve } from "node:path";

export interface Glob {
  /** The deepest directory that holds everything that can match, or the one path that does. */
  readonly base: string;
  /** `path` is absolute. */
  matches(path: string): boolean;
}

const MAGIC = /[*?[{]/;

/** Compiles `pattern`, relative to `cwd`. What can't be understood in it stands for itself. */
export function compileGlob(pattern: string, cwd: string): Glob {
  const magic = pattern.search(MAGIC);
  const fixed = magic < 0 ? pattern : pattern.slice(0, pattern.lastIndexOf("/", magic) + 1);
  const base = resolve(cwd, fixed);
  const prefix = base === "/" ? "/" : `${base}/`;
  // Whatever it is now: it may be made, or made another, while it is watched.
  if (magic < 0) return { base, matches: (path) => path === base || path.startsWith(prefix) };
  const expression = compiled(pattern.slice(fixed.length));
  return { base, matches: (path) => path.startsWith(prefix) && expression.test(path.slice(prefix.length)) };
}

function compiled(pattern: string): RegExp {
  try {
    return new RegExp(`^${source(pattern)}$`, "u");
  } catch {
    return new RegExp(`^${literal(pattern)}$`, "u"); // a range from z to a
  }
}

const literal = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}/]/g, "\\$&");

/** A name, or the rest of one, that does not start with a dot where a name starts. */
const NO_DOT = "(?!\\.)";

function source(pattern: string): string {
  let out = "";
  let depth = 0;
  for (let at = 0; at < pattern.length; at++) {
    const rest = pattern.slice(at);
    const starts = at === 0 || pattern[at - 1] === "/";
    const set = /^\[([!^]?)([^\]/\\]+)\]/.exec(rest);
    const char = String.fromCodePoint(pattern.codePointAt(at) ?? 0);
    if (starts && rest.startsWith("**/")) {
      out += `(?:${NO_DOT}[^/]+/)*`;
      at += 2;
    } else if (starts && rest === "**") {
      out += `(?:${NO_DOT}[^/]+/)*${NO_DOT}[^/]+`;
      at += 1;
    } else if (char === "*") {
      // A whole name is one letter at least.
      const whole = starts && (rest.length === 1 || rest[1] === "/");
      out += `${starts ? NO_DOT : ""}[^/]${whole ? "+" : "*"}`;
    } else if (char === "?") {
      out += `${starts ? NO_DOT : ""}[^/]`;
    } else if (set !== null) {
      out += `[${set[1] === "" ? "" : "^"}${set[2]}]`;
      at += set[0].length - 1;
    } else if (char === "{" && closes(rest)) {
      out += "(?:";
      depth++;
    } else if (char === "}" && depth > 0) {
      out += ")";
      depth--;
    } else if (char === "," && depth > 0) {
      out += "|";
    } else {
      out += literal(char);
      at += char.length - 1;
    }
  }
  return out;
}

/** Whether the brace that `rest` starts with has its partner. */
function closes(rest: string): boolean {
  let depth = 0;
  for (const char of rest) {
    if (char === "{") depth++;
    else if (char === "}" && --depth === 0) return true;
  }
  return false;
}
