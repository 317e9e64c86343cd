// The block that the error log shows for a loop that is stuck and for a slow request: who, how long, the requests in
// flight, and the code. Pure: from data to text.

import type { Identity } from "../ipc/messages.ts";
import { duration, requestLines } from "../log/in-flight.ts";
import { quoteBytes } from "../log/quote.ts";
import type { LogOrigin } from "../log/record.ts";
import type { RequestInFlight } from "./vitals.ts";

const FRAMES = 40;

export interface CodeFrame {
  /** Empty for code outside of any function. */
  readonly name: string;
  /** A path, a URL, or `node:...`; empty for code made by eval. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

/** Where the code of a loop is, innermost first, or why that can't be told. */
export type Stack =
  | { readonly type: "frames"; readonly frames: readonly CodeFrame[] }
  /** The loop runs, and the request waits for something; the loop was blocked until now for so many milliseconds. */
  | { readonly type: "waiting"; readonly blocked: number }
  /** Blocked in a system call, or in code of Node's own, which answers nobody. */
  | {
      readonly type: "native";
      /** `read of /run/app/fifo`, `computing`; null where that is not known. */
      readonly doing: string | null;
    }
  /** A debugger is attached, who is not disturbed. */
  | { readonly type: "debugged" }
  | { readonly type: "failed"; readonly reason: string };

export interface Report {
  /** What has happened: `Event loop stuck for 30.2 s`. */
  readonly what: string;
  /** `worker=2 gen=3 pid=41`. */
  readonly worker: string;
  /** On the clock of the requests' `began`. */
  readonly now: number;
  /** In the order to be shown; of very many the first are, and the last. */
  readonly requests: readonly RequestInFlight[];
  /** Requests in flight, those included that are not in `requests`. */
  readonly count: number;
  readonly stack: Stack;
}

/** A process as every log line names it; `thread` for a loop that is not the process's only one. */
export function workerName({ slot, generation }: Identity, pid: number, thread?: number): string {
  const name = `worker=${slot} gen=${generation} pid=${pid}`;
  return thread === undefined ? name : `${name} thread=${thread}`;
}

/** The same for a log of data. */
export function logOrigin({ slot, generation }: Identity, pid: number, thread?: number): LogOrigin {
  const origin = { pid, worker: slot, gen: generation };
  return thread === undefined ? origin : { ...origin, thread };
}

/** One log record of several lines. */
export function renderReport({ what, worker, now, requests, count, stack }: Report): string {
  const shown = requests.map(({ line, client, began }) => ({ line, client, age: now - began }));
  return [
    `${what}: ${worker}`,
    ...requestLines(shown, count).map((line) => `  ${line}`),
    ...stackLines(stack).map((line) => `  ${line}`),
  ].join("\n");
}

/** What the report on requests that have become slow begins with. */
export function slowTitle(slow: readonly RequestInFlight[], now: number): string {
  const [longest] = slow;
  if (longest === undefined) return "Slow request";
  const told = `${quoteBytes(longest.line)} for ${duration(now - longest.began)}`;
  return slow.length === 1 ? `Slow request: ${told}` : `${slow.length} slow requests, the longest ${told}`;
}

/** The requests in flight, those first that the report is about. */
export function slowFirst(
  slow: readonly RequestInFlight[],
  all: readonly RequestInFlight[],
): readonly RequestInFlight[] {
  const same = (a: RequestInFlight, b: RequestInFlight): boolean =>
    a.began === b.began && a.line === b.line && a.client === b.client;
  return [...slow, ...all.filter((request) => !slow.some((one) => same(one, request)))];
}

/** The stack in words, without indentation. */
export function stackLines(stack: Stack): string[] {
  switch (stack.type) {
    case "frames": {
      if (stack.frames.length === 0) return ["no JavaScript is running"];
      const lines = stack.frames.slice(0, FRAMES).map((frame) => `  at ${place(frame)}`);
      const more = stack.frames.length - lines.length;
      if (more > 0) lines.push(`  and ${more} more`);
      return ["JavaScript stack:", ...lines];
    }
    case "waiting":
      return stack.blocked > 0
        ? [`the event loop was blocked for ${duration(stack.blocked)} and is free again`]
        : ["the event loop is free: the request waits for something"];
    case "native":
      return [
        `blocked in native code${stack.doing === null ? "" : ` (${stack.doing})`}, no JavaScript stack could be taken`,
      ];
    case "debugged":
      return ["a debugger may be attached, no JavaScript stack was taken"];
    case "failed":
      return [`no JavaScript stack could be taken: ${stack.reason}`];
  }
}

function place({ name, file, line, column }: CodeFrame): string {
  const where = `${file === "" ? "<anonymous>" : file}:${line}:${column}`;
  return name === "" ? where : `${name} (${where})`;
}
