// Asks the threads that watch the workers what those do.

import { isPeekAnswer, type LoopView, type PeekStream, readLines } from "../ipc/peek.ts";

export interface Peeks {
  /** The arbiter's end for the worker `id`. */
  add(id: number, stream: PeekStream): void;
  /** Null where nobody answers in time: a worker that boots, one without a watchdog, one that is gone. */
  ask(id: number, stack: boolean, patience: number): Promise<readonly LoopView[] | null>;
}

interface Line {
  readonly stream: PeekStream;
  readonly waiting: Map<number, (loops: readonly LoopView[] | null) => void>;
}

export function createPeeks(): Peeks {
  const lines = new Map<number, Line>();
  let last = 0;
  return {
    add(id, stream) {
      const line: Line = { stream, waiting: new Map() };
      lines.set(id, line);
      readLines(stream, (value) => {
        if (isPeekAnswer(value)) line.waiting.get(value.number)?.(value.loops);
      });
      stream.on("close", () => {
        lines.delete(id);
        for (const tell of line.waiting.values()) tell(null);
      });
    },
    ask(id, stack, patience) {
      const line = lines.get(id);
      if (line === undefined) return Promise.resolve(null);
      const number = ++last;
      return new Promise((resolve) => {
        const tell = (loops: readonly LoopView[] | null): void => {
          clearTimeout(late);
          line.waiting.delete(number);
          resolve(loops);
        };
        const late = setTimeout(() => tell(null), patience).unref();
        line.waiting.set(number, tell);
        line.stream.write(`${JSON.stringify({ number, stack })}\n`);
      });
    },
  };
}
