// What the arbiter asks of the thread that watches a worker, and what that answers, whatever the worker's own loop does:
// lines of JSON over a pair of sockets of their own.

/** The longest line that is taken. */
const MOST = 1024 * 1024;

/**
 * How many requests are in flight; which, for whose clients the system's tables may have to be searched; or what the loop executes as
 * well, for which it is stopped for some 20 ms.
 */
export type PeekWhat = "count" | "requests" | "stack";

export interface PeekAsk {
  /** By which the answer is known. */
  readonly number: number;
  readonly what: PeekWhat;
  /** How long the answer is waited for, in milliseconds. */
  readonly patience: number;
}

export interface PeekAnswer extends Pick<PeekAsk, "number" | "what"> {
  /** Of a threaded worker one for each thread. */
  readonly loops: readonly LoopView[];
}

/** The stack of a loop that has nothing to do. */
export const FREE_LOOP = "the event loop is free";

/** What an event loop does just now. */
export interface LoopView {
  /** From 1; null for a process's own loop. */
  readonly thread: number | null;
  /** Requests in flight. */
  readonly count: number;
  /** The longest first; of very many, some; none where their number was asked for. */
  readonly requests: readonly { readonly line: string; readonly client: string; readonly age: number }[];
  /** Seconds since the loop last ran. */
  readonly silent: number;
  /** Lines, or why there is none; null where it was not asked for. */
  readonly stack: readonly string[] | null;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const isWhat = (value: unknown): value is PeekWhat =>
  value === "count" || value === "requests" || value === "stack";

export const isPeekAsk = (value: unknown): value is PeekAsk =>
  isObject(value) &&
  typeof value.number === "number" &&
  isWhat(value.what) &&
  typeof value.patience === "number";

export const isPeekAnswer = (value: unknown): value is PeekAnswer =>
  isObject(value) &&
  typeof value.number === "number" &&
  isWhat(value.what) &&
  Array.isArray(value.loops) &&
  value.loops.every(
    (loop) => isObject(loop) && typeof loop.count === "number" && Array.isArray(loop.requests),
  );

/** What is used of a socket. */
export interface PeekStream {
  setEncoding(encoding: "utf8"): unknown;
  on(event: "data", listener: (text: string) => void): unknown;
  on(event: "error" | "close", listener: () => void): unknown;
  write(text: string): unknown;
  destroy(): unknown;
}

/** Hands every line that is JSON to `take`. What is not, or is too long, ends the conversation. */
export function readLines(stream: PeekStream, take: (value: unknown) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("error", () => undefined);
  stream.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    try {
      for (const line of lines) take(JSON.parse(line));
    } catch {
      stream.destroy();
    }
    if (rest.length > MOST) stream.destroy();
  });
}
