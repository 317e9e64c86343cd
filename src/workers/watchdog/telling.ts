// Says in the error log what the main thread is doing.

import { FREE_LOOP, type LoopView, type PeekAsk } from "../../ipc/peek.ts";
import { createErrorLog } from "../../log/error-log.ts";
import { duration } from "../../log/in-flight.ts";
import { levelIn } from "../../log/level.ts";
import { openSyslog, syslogSink } from "../../log/syslog.ts";
import { loopView } from "../peek.ts";
import { renderReport, type Stack, slowFirst, slowTitle } from "../report.ts";
import { type RequestInFlight, sharedNow, type VitalSigns } from "../vitals.ts";
import { captureStack, type Patience } from "./capture.ts";
import { hasUserCode } from "./frames.ts";
import type { Verdict } from "./judge.ts";
import type { WatchOrder } from "./order.ts";
import { createWriter } from "./writer.ts";

/** What a capture may take. */
const PATIENCE: Patience = { asleep: 500, awake: 750 };
/** And what all takes with who asked: SIGKILL comes a second after the timeout. On a busy machine either may take long. */
const WHOLE = 850;
const LOOKUP = 100;
/** What a capture may take where somebody waits for it, in milliseconds. */
const GLANCE = 200;
/** And of a loop that is stuck: a busy machine takes its time to stop it. */
const LOOK = 1_500;
/** What may be needed to bring the answer to who asked: arbiter and thread wait for a processor, too. */
const WAY_BACK = 300;
/** A loop that is free runs its timer more often, in seconds. */
const FREE = 1.5;
const IDLE: Stack = { type: "waiting", blocked: 0 };

/** What a report says of a loop. */
interface Found {
  readonly count: number;
  readonly stack: Stack;
  readonly requests: (most?: number) => readonly RequestInFlight[];
}

export interface Telling {
  /** Takes the stack of a loop that is going to be told of. */
  prepare(): void;
  tell(verdict: Pick<Verdict, "tell" | "silent">, slow: readonly RequestInFlight[]): Promise<void>;
  /** What the loop does just now. */
  look(ask: PeekAsk): Promise<readonly LoopView[]>;
  reopen(): void;
}

export function createTelling(
  { config, level, worker, origin, descriptors, before }: WatchOrder,
  signs: VitalSigns,
): Telling {
  const { write, flush, reopen } = createWriter(config.errorlog, descriptors, before);
  const log = createErrorLog({
    destination: { write, flush },
    level: levelIn(level),
    form: config.logFormat,
    origin,
    sinks: config.syslog
      ? [
          syslogSink(
            config,
            origin,
            openSyslog(config, () => undefined),
          ),
        ]
      : [],
  });
  /** One at a time: a second would find the loop stopped by the first. */
  let captured: Promise<unknown> = Promise.resolve();
  const capture = (patience: Patience, idle?: Stack): Promise<Stack> => {
    if (signs.inspected) return Promise.resolve({ type: "debugged" });
    const next = captured.then(() => captureStack(patience, idle));
    captured = next;
    return next;
  };
  const find = async (): Promise<Found> => {
    const { count } = signs;
    const requests = signs.glimpse();
    return { count, requests, stack: await capture(PATIENCE) };
  };
  const withClients = (found: Found): Found => {
    // Once found, they are known.
    found.requests();
    return found;
  };
  let early: { readonly beatAt: number; readonly found: Promise<Found> } | undefined;
  return {
    reopen,
    prepare() {
      early = { beatAt: signs.beatAt, found: find().then(withClients) };
    },
    async look({ what, patience }) {
      if (what !== "stack") return [loopView(null, signs, what)];
      const runs = (): boolean => loopView(null, signs, "count").silent < FREE;
      const until = performance.now() + Math.min(LOOK, patience - WAY_BACK);
      const left = (): number => Math.max(0, until - performance.now());
      let found = await capture({ asleep: GLANCE, awake: left() }, IDLE);
      if (found === IDLE && !runs()) found = await capture({ asleep: left(), awake: left() });
      const view = loopView(null, signs, what, found);
      // Where it was stopped at all, then in the server's own timer.
      const free = found === IDLE || (found.type === "frames" && !hasUserCode(found) && runs());
      return [free ? { ...view, stack: [FREE_LOOP] } : view];
    },
    async tell({ tell, silent }, slow) {
      const now = sharedNow();
      // A loop that was slow may go on, and its clients with it. A stuck one keeps them.
      const inTime = tell === null ? signs.requests() : undefined;
      const known = tell === "stuck" && early?.beatAt === signs.beatAt ? early.found : find();
      early = undefined;
      const { count, stack, requests } = await known;
      const all = inTime ?? requests(Math.max(LOOKUP, WHOLE - (sharedNow() - now)));
      const block = (what: string, requests: readonly RequestInFlight[]): string =>
        renderReport({ what, worker, now, requests, count, stack });
      const long = duration(silent);
      switch (tell) {
        case "boot":
          return log.error(block(`Boot blocked for ${long}`, all));
        case "stuck":
          return log.critical(block(`Event loop stuck for ${long}`, all));
        case "orphan":
          return log.critical(block(`The arbiter is gone and the event loop stuck for ${long}, killed`, all));
        case null:
          return log.warning(block(slowTitle(slow, now), slowFirst(slow, all)));
      }
    },
  };
}
