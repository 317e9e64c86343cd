// The line on the terminal that tells how a start, a reload or a stop gets on.

import type { StatusLine } from "../log/status-line.ts";
import type { Helm } from "./control/helm.ts";
import { progressOf } from "./progress/say.ts";

export interface Progress {
  /** To be called when the state has changed. */
  stepped(): void;
  close(): void;
}

/** How often it is drawn, in milliseconds; what takes less is not shown. */
const DRAWN = 100;
/** How often workers are asked for the requests they have left, and what an answer may take. */
const ASKED = 300;

export function createProgress(
  line: Pick<StatusLine, "show">,
  { now, state, facts, peek }: Pick<Helm, "now" | "state" | "facts" | "peek">,
): Progress {
  let timer: NodeJS.Timeout | undefined;
  let inFlight: number | null = null;
  let askedAt = Number.NEGATIVE_INFINITY;

  const ask = async (): Promise<void> => {
    const answers = await Promise.all(state().workers.map(({ id }) => peek(id, "count", ASKED)));
    const counts = answers.flatMap((loops) => loops ?? []).map(({ count }) => count);
    inFlight = counts.length === 0 ? null : counts.reduce((sum, count) => sum + count, 0);
  };
  const text = (): string | null =>
    progressOf(state(), { now: now(), startedAt: facts().startedAt, inFlight });
  const draw = (): void => {
    if (state().phase.name === "stopping" && now() - askedAt >= ASKED) {
      askedAt = now();
      void ask();
    }
    line.show(text());
  };
  const close = (): void => {
    clearInterval(timer);
    timer = undefined;
    line.show(null);
  };

  return {
    stepped() {
      if (text() === null) {
        if (timer !== undefined) close();
      } else timer ??= setInterval(draw, DRAWN).unref();
    },
    close,
  };
}
