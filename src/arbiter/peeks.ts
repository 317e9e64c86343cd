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
   * Who asks what is being asked already gets that answer: a hundred stacks at once stop the worker for one.
   */
  ask(id: number, what: PeekWhat, patience: number): Promise<readonly LoopView[] | null>;
  /** Whether somebody at the worker's end has ever answered. */
  heard(id: number): boolean;
}

type Tell = (loops: readonly LoopView[] | null) => void;

/** A question, and those who wait for its answer. */
interface Question {
  readonly number: number;
  readonly askers: Set<Tell>;
}

interface Line {
  readonly stream: PeekStream;
  /** Those that somebody waits for. */
  readonly asked: Map<PeekWhat, Question>;
  readonly latest: Map<PeekWhat, { readonly loops: readonly LoopView[]; readonly at: number }>;
}

/** How old an answer may be, in milliseconds. */
const FRESH = 2_000;

export function createPeeks(): Peeks {
  const lines = new Map<number, Line>();
  let last = 0;
  const put = ({ stream, asked }: Line, what: PeekWhat, patience: number): Question => {
    const question: Question = { number: ++last, askers: new Set() };
    asked.set(what, question);
    const ask: PeekAsk = { number: question.number, what, patience };
    stream.write(`${JSON.stringify(ask)}\n`);
    return question;
  };
  return {
    add(id, stream) {
      const line: Line = { stream, asked: new Map(), latest: new Map() };
      lines.set(id, line);
      readLines(stream, (value) => {
        if (!isPeekAnswer(value)) return;
        line.latest.set(value.what, { loops: value.loops, at: performance.now() });
        const question = line.asked.get(value.what);
        if (question?.number === value.number) for (const tell of question.askers) tell(value.loops);
      });
      stream.on("close", () => {
        lines.delete(id);
        for (const { askers } of line.asked.values()) for (const tell of askers) tell(null);
      });
    },
    ask(id, what, patience) {
      const line = lines.get(id);
      if (line === undefined) return Promise.resolve(null);
      const question = line.asked.get(what) ?? put(line, what, patience);
      return new Promise((resolve) => {
        const tell: Tell = (loops) => {
          clearTimeout(late);
          question.askers.delete(tell);
          if (question.askers.size === 0) line.asked.delete(what);
          resolve(loops);
        };
        const second = (): readonly LoopView[] | null => {
          const latest = what === "stack" ? undefined : line.latest.get(what);
          return latest !== undefined && performance.now() - latest.at < FRESH ? latest.loops : null;
        };
        const late = setTimeout(() => tell(second()), patience).unref();
        question.askers.add(tell);
      });
    },
    heard: (id) => (lines.get(id)?.latest.size ?? 0) > 0,
  };
}
