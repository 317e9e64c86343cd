// Everything that is counted of the fleet, by the arbiter and by its workers, where somebody may ask for it.

import type { Config } from "../config/config.ts";
import { acceptingThreads } from "../config/derive.ts";
import type { Losses } from "../metrics/row.ts";
import { usage } from "../os/usage.ts";
import type { Facts } from "./control/view.ts";
import type { Effect, Event } from "./events.ts";
import { createFigures, type Figures, type ListenerFacts } from "./metrics/figures.ts";
import { createLedgers } from "./metrics/ledgers.ts";
import type { Sources } from "./metrics/samples.ts";
import { emptyTally, tallied } from "./metrics/tally.ts";
import type { Peeks } from "./peeks.ts";
import { isCounted } from "./setup.ts";
import type { ArbiterState } from "./state.ts";

export interface Metering {
  /** The file for what a worker is going to count; null where nobody may ask for it. */
  open(id: number, config: Config): number | null;
  /** To be called after each step. */
  stepped(before: ArbiterState, event: Event, after: ArbiterState, effects: readonly Effect[]): void;
  /** The configuration in force; to be called at the start, too. */
  follow(config: Config): void;
  /** Null where nobody may ask. */
  figures(): Figures | null;
  /** What metrics are made of; null where nobody may ask. */
  sources(): Omit<Sources, "busy"> | null;
  stop(): void;
}

export interface MeteringOptions {
  readonly warn: (message: string) => void;
  readonly state: () => ArbiterState;
  readonly facts: () => Facts;
  readonly listeners: () => readonly ListenerFacts[];
  /** Lines that the arbiter's own logs have lost. */
  readonly lost: () => Losses;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly peek: Peeks["ask"];
}

/** What a watchdog may take to say how many requests its stuck worker has, in milliseconds. */
const PATIENCE = 900;

export function createMetering(options: MeteringOptions): Metering {
  const { warn, state, facts, listeners, lost, now, peek } = options;
  const ledgers = createLedgers(warn);
  const countOf = async (id: number): Promise<number | null> =>
    (await peek(id, "count", PATIENCE))?.reduce((sum, { count }) => sum + count, 0) ?? null;
  let tally = emptyTally;
  let figures: Figures | null = null;
  return {
    open: (id, config) =>
      isCounted(config)
        ? ledgers.open({
            id,
            workerClass: config.workerClass,
            threads: config.workerClass === "threaded" ? acceptingThreads(config) : 0,
          })
        : null,
    stepped(before, event, after, effects) {
      tally = tallied(tally, before, event, after, effects);
      if (event.type === "exited") ledgers.close(event.id);
    },
    follow(config) {
      if (isCounted(config))
        figures ??= createFigures({ ledgers, state, listeners, now, clock: Date.now, peek: countOf });
      else {
        figures?.stop();
        figures = null;
      }
    },
    figures: () => figures,
    sources() {
      if (figures === null) return null;
      const pids = [...state().workers.map(({ pid }) => pid), facts().pid];
      return {
        state: state(),
        facts: facts(),
        tally,
        totals: figures.totals(),
        live: figures.live(),
        queues: figures.queues(),
        overflows: figures.overflows(),
        memory: new Map(
          pids.flatMap((pid) => {
            const { rss } = usage(pid);
            return pid === null || rss === null ? [] : [[pid, rss]];
          }),
        ),
        lost: lost(),
        nodeVersion: process.versions.node,
        now: now(),
        unixTime: Date.now() / 1_000,
      };
    },
    stop: () => figures?.stop(),
  };
}
