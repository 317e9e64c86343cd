// An exception from the user's code, told with its place in the user's file.

import { inspect } from "node:util";
import { describeError } from "../../log/stack.ts";
import { ROOT, ROOT_URL } from "../../root.ts";
import { locateSyntaxError } from "./syntax-error.ts";

/** Frames between the user's code and ours that say nothing about it. */
const MACHINERY = ["node:internal/", "node:diagnostics_channel", "/jiti/dist/"];

/**
 * What went wrong while `file` was loaded: the stack with real places, without the frames of Node's loader, jiti or
 * ours. The place is found also where the exception does not tell it.
 */
export async function describeFailure(error: unknown, file: string): Promise<string> {
  if (!(error instanceof Error)) return `${file} threw ${inspect(error)}, which is not an Error`;
  const stack = String(error.stack);
  const parse = /^ParseError: (.*?)\s*\n\s*(\S.*:\d+:\d+)$/.exec(error.message);
  if (parse !== null) return `${parse[2]}\nSyntaxError: ${parse[1]}`;
  Reflect.set(error, "stack", usersFrames(stack));
  const told = describeError(error);
  Reflect.set(error, "stack", stack);
  if (stack.includes("compileSourceTextModule")) return `${(await locateSyntaxError(file)) ?? file}\n${told}`;
  return namesPath(told) ? told : `${file}\n${told}`;
}

function usersFrames(stack: string): string {
  const lines = stack.split("\n");
  const ours = lines.findIndex((line) => isFrame(line) && (line.includes(ROOT) || line.includes(ROOT_URL)));
  return lines
    .slice(0, ours < 0 ? undefined : ours)
    .filter((line) => !(isFrame(line) && MACHINERY.some((part) => line.includes(part))))
    .join("\n");
}

const isFrame = (line: string): boolean => /^\s+at /.test(line);

/** True where a file is named at all, be it in a frame, in the message or above it. */
function namesPath(text: string): boolean {
  return /(?:file:\/\/|^|[\s("'])(?:\/|[A-Za-z]:\\)[^\s:]+/m.test(text);
}
