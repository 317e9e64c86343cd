// Where in a configuration file something went wrong, and what, in one line.
import { readFileSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { ROOT } from "../root.ts";
import { show } from "./codec.ts";
import { shownPath } from "./shown-path.ts";

export interface Explanation {
  /** `gunicorn.conf.ts:12` or `gunicorn.conf.ts:12:3`, where it is known. */
  readonly at: string | undefined;
  readonly reason: string;
}

/** Explains what was thrown while the file at `path` was read. */
export function explain(thrown: unknown, path: string, cwd: string): Explanation {
  if (!(thrown instanceof Error)) return { at: undefined, reason: `threw ${show(thrown)}` };
  return (
    syntax(thrown, cwd) ?? json(thrown, path, cwd) ?? yaml(thrown, path, cwd) ?? thrownAt(thrown, path, cwd)
  );
}

const place = (path: string, cwd: string, line: number | string, column?: number) =>
  [shownPath(path, cwd), line, column].filter((part) => part !== undefined).join(":");

const firstLine = (text: string) => (text.split("\n", 1)[0] ?? "").trim();

/** jiti: `ParseError: Unexpected token \n /app/gunicorn.conf.ts:3:11`, with columns from 0. */
function syntax(error: Error, cwd: string): Explanation | undefined {
  const [, what, file, line, column] =
    /^ParseError: ([\s\S]*?)\s*\n\s*(.+):(\d+):(\d+)$/.exec(error.message) ?? [];
  if (what === undefined || file === undefined || line === undefined) return undefined;
  return { at: place(file, cwd, line, Number(column) + 1), reason: `SyntaxError: ${firstLine(what)}` };
}

/** The line is in parse-json's code frame (`> 3 |   "workers": ,`), or since Node 22 in V8's message (`(line 3 column 1)`). The frame is coloured on a terminal and in CI. */
function json(error: Error, path: string, cwd: string): Explanation | undefined {
  if (error.name !== "JSONError") return undefined;
  const coloured =
    "codeFrame" in error && typeof error.codeFrame === "string" ? error.codeFrame : error.message;
  const frame = stripVTControlCharacters(coloured);
  const line = (/^> *(\d+) \|/m.exec(frame) ?? /\(line (\d+) column \d+\)/.exec(error.message))?.[1];
  const what = error.message.split("\n").find((text) => text.includes(" while parsing ")) ?? "";
  const reason = `not valid JSON: ${what.replace(/ while parsing .*$/, "")}`;
  return { at: line === undefined ? undefined : place(path, cwd, line), reason };
}

/** js-yaml carries a mark with lines and columns from 0. */
function yaml(error: Error, path: string, cwd: string): Explanation | undefined {
  if (error.name !== "YAMLException") return undefined;
  const mark: unknown = "mark" in error ? error.mark : undefined;
  const what =
    "reason" in error && typeof error.reason === "string" ? error.reason : firstLine(error.message);
  const at = isMark(mark) ? place(path, cwd, mark.line + 1, mark.column + 1) : undefined;
  return { at, reason: `not valid YAML: ${what}` };
}

const isMark = (mark: unknown): mark is { line: number; column: number } =>
  typeof mark === "object" &&
  mark !== null &&
  "line" in mark &&
  typeof mark.line === "number" &&
  "column" in mark &&
  typeof mark.column === "number";

/** The first line of the user's own code in the stack. Its columns are those of the compiled code, so they are left out. */
function thrownAt(error: Error, path: string, cwd: string): Explanation {
  const reason = `${error.name}: ${firstLine(error.message)}`;
  const missing = "code" in error && /^(MODULE_NOT_FOUND|ERR_MODULE_NOT_FOUND)$/.test(String(error.code));
  if (missing) return { at: importing(error, path, cwd), reason };
  for (const line of (error.stack ?? "").split("\n")) {
    const [, file = "", number = ""] =
      /^(?:\s+at (?:.*\()?(?:async )?|)((?:file:\/\/)?\/[^()]*?):(\d+)(?::\d+)?\)?$/.exec(line) ?? [];
    const source = file.startsWith("file:") ? fileURLToPath(file) : file;
    // Below it stands who had the file read.
    if (source.startsWith(ROOT) && /\bat (?:async )?readFile\d* \(/.test(line)) break;
    if (source !== "" && !source.includes(`${sep}node_modules${sep}`) && !source.startsWith(ROOT)) {
      return { at: place(source, cwd, number), reason };
    }
  }
  return { at: undefined, reason };
}

/** Compiled imports all stand on the first line: the source is asked for the line that names the module. */
function importing(error: Error, path: string, cwd: string): string | undefined {
  const stack: unknown = "requireStack" in error ? error.requireStack : undefined;
  const from = Array.isArray(stack) && typeof stack[0] === "string" ? stack[0] : path;
  const wanted = /'([^']+)'/.exec(error.message)?.[1];
  if (wanted === undefined) return undefined;
  try {
    const lines = readFileSync(from, "utf8").split("\n");
    const at = lines.findIndex((line) => line.includes(`"${wanted}"`) || line.includes(`'${wanted}'`));
    return at < 0 ? shownPath(from, cwd) : place(from, cwd, at + 1);
  } catch {
    return undefined;
  }
}
