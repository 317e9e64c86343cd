// An error told for a person: its stack in terms of the sources, its causes, and the facts it carries.

import path from "node:path";
import { fileURLToPath } from "node:url";
import { inspect, types } from "node:util";
import { ROOT } from "../root.ts";
import { mapFrame, type Position } from "./source-map.ts";

export { mapFrame, type Position } from "./source-map.ts";

const DEEPEST = 8;
const MOST_ERRORS = 10;
const LONGEST = 64 * 1024;
/** What the source maps of one error may take, in milliseconds: nothing else runs meanwhile. */
const MAPPING = 1_000;

/** The last `:line:column` of a frame, with what stands before and after. */
const FRAME = /^(\s+at (?:.* \()?(?:async )?)((?:file:\/\/)?\/.+):(\d+):(\d+)(\)?)$/;

/**
 * The error's source-mapped stack, followed by its plain properties (`code`, `errno`), its causes and, for an
 * AggregateError, its errors. Takes anything that can be thrown, never throws, and is bounded in length.
 */
export function describeError(error: unknown): string {
  try {
    const text = describe(error, { seen: new Set(), until: performance.now() + MAPPING }, 0);
    return text.length > LONGEST ? `${text.slice(0, LONGEST)}\n  (shortened)` : text;
  } catch {
    return "an error that can't be shown";
  }
}

/**
 * Where in the user's code the error comes from, as `file:line:column`: the first frame that is neither Node's nor ours,
 * and not a dependency's if there is any other. For a syntax error in a CommonJS
 * file, that file and line; those of modules don't tell theirs.
 */
export function location(error: unknown): string | undefined {
  try {
    if (!isError(error)) return undefined;
    const stack = String(error.stack);
    const syntax = /^(?:file:\/\/)?(\/.+):(\d+)\n/.exec(stack);
    if (syntax !== null) return `${syntax[1]}:${syntax[2]}`;
    const frames = framesOf(stack, error.message).filter(({ file }) => !file.startsWith(ROOT));
    const frame = frames.find(({ file }) => !file.includes("/node_modules/")) ?? frames[0];
    if (frame === undefined) return undefined;
    const { file, line, column } = mapFrame(frame.file, frame.line, frame.column) ?? frame;
    return `${file}:${line}:${column}`;
  } catch {
    return undefined;
  }
}

function isError(value: unknown): value is Error {
  // Errors of another realm (node:vm) are no instances of ours.
  return types.isNativeError(value) || value instanceof Error;
}

interface Telling {
  readonly seen: Set<unknown>;
  /** Frames are mapped until then, on performance.now()'s clock. */
  readonly until: number;
}

function describe(error: unknown, telling: Telling, depth: number): string {
  const { seen, until } = telling;
  if (!isError(error)) return `a value that is not an Error: ${show(error)}`;
  if (seen.has(error)) return `${error.name}: ${error.message} (told above)`;
  if (depth > DEEPEST) return `${error.name}: ${error.message} (and more)`;
  seen.add(error);

  let text = mappedStack(error, until) + properties(error);
  if (error.cause !== undefined) text += `\nCaused by: ${describe(error.cause, telling, depth + 1)}`;
  if (!(error instanceof AggregateError)) return text;
  const { errors } = error;
  errors.slice(0, MOST_ERRORS).forEach((each: unknown, i) => {
    text += `\nError ${i + 1} of ${errors.length}: ${describe(each, telling, depth + 1)}`;
  });
  return text;
}

/** Objects are left out: clients hang whole requests on their errors, credentials and all. */
function properties(error: Error): string {
  const facts: string[] = [];
  for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(error))) {
    if (["stack", "message", "name", "cause", "errors"].includes(key) || facts.length === MOST_ERRORS)
      continue;
    if (["string", "number", "boolean", "bigint"].includes(typeof value))
      facts.push(`${key}: ${show(value)}`);
  }
  return facts.length === 0 ? "" : `\n  { ${facts.join(", ")} }`;
}

function show(value: unknown): string {
  const text = inspect(value, {
    depth: 2,
    // The value's own inspect function may do anything, throwing included.
    customInspect: false,
    maxArrayLength: 10,
    maxStringLength: 1000,
    compact: true,
    breakLength: Number.POSITIVE_INFINITY,
  });
  return text.length > 2000 ? `${text.slice(0, 2000)}…` : text;
}

function mappedStack(error: Error, until: number): string {
  const title = error.message === "" ? error.name : `${error.name}: ${error.message}`;
  if (typeof error.stack !== "string") return title;
  const [head, frames] = splitStack(error.stack, error.message);
  return [head ?? title, ...frames.map((line) => mapLine(line, until))].join("\n");
}

/** The stack's frames begin after the message, which may look like frames itself. A message set later is not in it. */
function splitStack(stack: string, message: string): [head: string | undefined, frames: string[]] {
  const at = stack.indexOf(message);
  const end = at === -1 ? stack.search(/\n\s+at /) : stack.indexOf("\n", at + message.length);
  if (end === -1) return [at === -1 ? undefined : stack, []];
  return [at === -1 ? undefined : stack.slice(0, end), stack.slice(end + 1).split("\n")];
}

function mapLine(line: string, until: number): string {
  const frame = parseFrame(line);
  const mapped = frame && mapFrame(frame.file, frame.line, frame.column, until);
  if (mapped === undefined) return line;
  return `${frame?.before}${mapped.file}:${mapped.line}:${mapped.column}${frame?.after}`;
}

interface Frame extends Position {
  readonly before: string;
  readonly after: string;
}

function parseFrame(text: string): Frame | undefined {
  const match = text.length < 4096 ? FRAME.exec(text) : null;
  if (match === null) return undefined;
  const [, before = "", file = "", line, column, after = ""] = match;
  const plain = file.startsWith("file:") ? fileURLToPath(file) : path.normalize(file);
  return { before, file: plain, line: Number(line), column: Number(column), after };
}

function framesOf(stack: string, message: string): Frame[] {
  const [, lines] = splitStack(stack, message);
  return lines.map(parseFrame).filter((frame) => frame !== undefined);
}
