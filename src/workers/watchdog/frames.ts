// The inspector's frames in terms of the user's sources.

import type inspector from "node:inspector";
import { fileURLToPath } from "node:url";
import { mapFrame } from "../../log/source-map.ts";
import { ROOT, ROOT_URL } from "../../root.ts";
import type { CodeFrame, Stack } from "../report.ts";

/** What source maps may take, in milliseconds, and what is left of this since the stack was asked for: a kill does not wait. */
const MAPPING = 200;
const WHOLE = 600;

export type CallFrame = inspector.Debugger.CallFrame;

/** Scripts by the inspector's numbers of them, from `Debugger.scriptParsed`: frames don't tell their file themselves. */
export type Scripts = Map<string, string>;

/** Without what called the application: Node's and the server's own frames. `asked`: when, on performance.now()'s clock. */
export function readableFrames(frames: readonly CallFrame[], scripts: Scripts, asked: number): CodeFrame[] {
  const located = frames.map(({ functionName, location }) => ({
    name: functionName,
    file: scripts.get(location.scriptId) ?? "",
    line: location.lineNumber + 1,
    column: (location.columnNumber ?? 0) + 1,
  }));
  const last = located.findLastIndex(({ file }) => !file.startsWith("node:") && !isOwn(file));
  const until = Math.max(performance.now() + MAPPING, asked + WHOLE);
  return located.slice(0, last < 0 ? located.length : last + 1).map((frame) => inSource(frame, until));
}

/** Whether anything of the application is in it. */
export const hasUserCode = (stack: Stack): boolean =>
  stack.type === "frames" &&
  stack.frames.some(({ file }) => file !== "" && !file.startsWith("node:") && !isOwn(file));

const isOwn = (url: string): boolean => url.startsWith(ROOT_URL) || url.startsWith(ROOT);

function inSource(frame: CodeFrame, until: number): CodeFrame {
  const { name, file, line, column } = frame;
  if (!/^(file:|\/)/.test(file)) return frame;
  const mapped = mapFrame(file, line, column, until);
  return mapped === undefined
    ? { ...frame, file: file.startsWith("file:") ? fileURLToPath(file) : file }
    : { name, ...mapped };
}
