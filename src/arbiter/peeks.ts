// Asks the threads that watch the workers what those do.

import {
  isPeekAnswer,
  type LoopView,
  type PeekAsk,
  type PeekStream,
  type PeekWhat,
  readLines,
} from "../ipc/peek.ts";

export interface Peeks {
  /** The arbiter's end for the worker `id`. */
  add(id: number, stream: PeekStream): void;
  /**
   * Null where nobody answers in time: a worker that boots, one without a watchdog, one that is gone. Where no stack is asked
   * for, an answer that came too late for who had asked the same a moment ago will do: on a busy machine that is the most there is.
   */
  ask(id: number, what: PeekWhat, patience: number): Promise<readonly LoopView[] | null>;
}

interface Line {
  readonly stream: PeekStream;
  readonly waiting: Map<number, (loops: readonly LoopView[] | null) => void>;
  readonly latest: Map<PeekWhat, { readonly loops: readonly LoopView[]; readonly at: number }>;
}

/** How old an answer may be, in milliseconds. */
const FRESH = 2_000;

export function createPeeks(): Peeks {
  const lines = new Map<number, Line>();
  let last = 0;
  return {
    add(id, stream) {
      const line: Line = { stream, waiting: new Map(), latest: new Map() };
      lines.set(id, line);
      readLines(stream, (value) => {
        if (!isPeekAnswer(value)) return;
        line.latest.set(value.what, { loops: value.loops, at: performance.now() });
        line.waiting.get(value.number)?.(value.loops);
      });
      stream.on("close", () => {
        lines.delete(id);
        for (const tell of line.waiting.values()) tell(null);
      });
    },
    ask(id, what, patience) {
      const line = lines.get(id);
      if (line === undefined) return Promise.resolve(null);
      const number = ++last;
      return new Promise((resolve) => {
        const tell = (loops: readonly LoopView[] | null): void => {
          clearTimeout(late);
          line.waiting.delete(number);
          resolve(loops);
        };
        const second = (): readonly LoopView[] | null => {
          const latest = what === "stack" ? undefined : line.latest.get(what);
          return latest !== undefined && performance.now() - latest.at < FRESH ? latest.loops : null;
        };
        const late = setTimeout(() => tell(second()), patience).unref();
        line.waiting.set(number, tell);
        const asked: PeekAsk = { number, what };
        line.stream.write(`${JSON.stringify(asked)}\n`);
      });
    },
  };
}
