// What the fleet does, in figures: looked at each second, for whoever asks.

import { addRow, type Counted, readCounted } from "../../metrics/counted.ts";
import { emptyRow, type LoopGauges } from "../../metrics/row.ts";
import { createQueueReader, listenLimit, listenOverflows } from "../../os/listen-queue.ts";
import { usage } from "../../os/usage.ts";
import type { ArbiterState } from "../state.ts";
import type { Ledgers, LiveCounts } from "./ledgers.ts";
import { looked, type Rate, rateOf, type Track } from "./rates.ts";

/** A listening socket as it is shown. */
export interface ListenerFacts {
  readonly url: string;
  readonly fd: number;
  /** Connections that may wait, as asked for. */
  readonly backlog: number;
}

export interface QueueFigures {
  readonly listener: string;
  /** Null where the system does not tell. */
  readonly waiting: number | null;
  readonly limit: number;
  /** How often it was full when it was looked at. */
  readonly full: number;
}

/** Of one worker. Bytes and seconds, durations of requests in milliseconds. */
export interface WorkerFigures extends Rate {
  readonly inFlight: number;
  readonly connections: number;
  /** Of its threads the worst delay and the mean utilization; null before it has looked at itself. */
  readonly loop: LoopGauges | null;
}

/** One second of the whole fleet. */
export interface Moment extends Rate {
  /** Unix time in milliseconds. */
  readonly at: number;
  readonly inFlight: number;
  readonly connections: number;
  readonly queued: number;
  readonly serving: number;
  /** Bytes of all workers together. */
  readonly rss: number;
  /** The worst worker's 99th percentile, in seconds. */
  readonly loopDelay: number;
}

export interface Figures {
  /** By their ids; without those that count nothing. */
  workers(): ReadonlyMap<number, WorkerFigures>;
  queues(): readonly QueueFigures[];
  overflows(): number | null;
  live(): readonly LiveCounts[];
  totals: Ledgers["totals"];
  /** Of the last minutes, a second each, the latest last. */
  history(): readonly Moment[];
  stop(): void;
}

export interface FiguresOptions {
  readonly ledgers: Ledgers;
  readonly state: () => ArbiterState;
  readonly listeners: () => readonly ListenerFacts[];
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Unix time in milliseconds. */
  readonly clock: () => number;
  /** How many requests a worker has, as its watchdog sees it; null where nobody says. */
  readonly peek: (id: number) => Promise<number | null>;
}

const EVERY = 1_000;
/** A loop that has not looked at itself for so long is stuck, in milliseconds: it does so each second. */
const STUCK_AFTER = 2_500;
/** How many seconds are remembered. */
const HISTORY = 300;

export function createFigures({ ledgers, state, listeners, now, clock, peek }: FiguresOptions): Figures {
  let tracks: ReadonlyMap<number, Track> = new Map();
  let fleet: Track = [];
  const history: Moment[] = [];
  const full = new Map<string, number>();

  /** When each loop was seen to have looked at itself last; and what others say of the requests of those that are stuck. */
  const looks = new Map<string, { readonly looks: number; readonly at: number }>();
  const busy = new Map<number, number>();

  const freshened = (id: number, loop: LoopGauges, place: number): LoopGauges => {
    const key = `${id}.${place}`;
    const last = looks.get(key);
    if (last === undefined || last.looks !== loop.looks) {
      looks.set(key, { looks: loop.looks, at: now() });
      return loop;
    }
    return isStuck(id, place) ? stuck(loop, (now() - last.at - EVERY) / 1_000) : loop;
  };
  const isStuck = (id: number, place: number): boolean => {
    const last = looks.get(`${id}.${place}`);
    return last !== undefined && last.looks > 0 && now() - last.at >= STUCK_AFTER;
  };
  const live = (): LiveCounts[] =>
    ledgers.live().map((one) => ({
      ...one,
      loops: one.loops.map((loop, place) => freshened(one.id, loop, place)),
    }));
  const inFlightOf = ({ id, row }: LiveCounts): number => busy.get(id) ?? inFlight(readCounted(row));
  /** A loop that is stuck has not written down what it is stuck in. */
  const glance = ({ id, loops }: LiveCounts): void => {
    if (!loops.some((_, place) => isStuck(id, place))) return void busy.delete(id);
    peek(id).then(
      (count) => (count === null ? undefined : void busy.set(id, count)),
      () => undefined,
    );
  };

  const waitingAt = createQueueReader();
  const queues = (): QueueFigures[] => {
    const all = listeners();
    const waiting = waitingAt(all.map(({ fd }) => fd));
    return all.map(({ url, backlog }, at) => ({
      listener: url,
      waiting: waiting[at] ?? null,
      limit: listenLimit(backlog),
      full: full.get(url) ?? 0,
    }));
  };

  const look = (): void => {
    const at = now();
    const present = live();
    const { workers } = state();
    const used = workers.map(({ id, pid }) => ({ id, ...usage(pid) }));
    // One that has just ended is known no more: what was known of it stays.
    for (const { id, cpu } of used) if (cpu !== null) ledgers.burnt(id, cpu);
    present.forEach(glance);
    const ids = new Set(present.map(({ id }) => id));
    for (const key of looks.keys()) if (!ids.has(Number(key.split(".")[0]))) looks.delete(key);
    for (const id of busy.keys()) if (!ids.has(id)) busy.delete(id);
    tracks = new Map(present.map(({ id, row }) => [id, looked(tracks.get(id) ?? [], row, at)]));
    fleet = looked(fleet, sumOf(ledgers.totals()), at);
    const waits = queues();
    for (const { listener, waiting, limit, full: before } of waits) {
      // The kernel lets one in beyond the limit.
      if (waiting !== null && waiting >= limit) full.set(listener, before + 1);
    }
    const counted = present.map(({ row }) => readCounted(row));
    history.push({
      at: clock(),
      ...rateOf(fleet),
      inFlight: present.reduce((sum, one) => sum + inFlightOf(one), 0),
      connections: counted.reduce((sum, one) => sum + openConnections(one), 0),
      queued: waits.reduce((sum, { waiting }) => sum + (waiting ?? 0), 0),
      serving: workers.filter(({ phase }) => phase.name === "serving").length,
      rss: used.reduce((sum, { rss }) => sum + (rss ?? 0), 0),
      loopDelay: Math.max(0, ...present.map(({ loops }) => worstLoop(loops)?.delayP99 ?? 0)),
    });
    if (history.length > HISTORY) history.shift();
  };
  const timer = setInterval(look, EVERY).unref();
  look();

  return {
    workers() {
      return new Map(
        live().map((one) => {
          const { id, row, loops } = one;
          const counted = readCounted(row);
          const figures: WorkerFigures = {
            ...rateOf(tracks.get(id) ?? []),
            inFlight: inFlightOf(one),
            connections: openConnections(counted),
            loop: worstLoop(loops),
          };
          return [id, figures];
        }),
      );
    },
    queues,
    overflows: listenOverflows,
    live,
    totals: ledgers.totals,
    history: () => history,
    stop: () => clearInterval(timer),
  };
}

export const inFlight = ({ begun, ended }: Counted): number => Math.max(0, begun - ended);
export const openConnections = ({ connections, closed }: Counted): number =>
  Math.max(0, connections - closed);
export const upgradedConnections = ({ upgraded, downgraded }: Counted): number =>
  Math.max(0, upgraded - downgraded);

/** A loop that has been stuck for so many seconds, by what it said last. */
const stuck = (loop: LoopGauges, seconds: number): LoopGauges => ({
  ...loop,
  utilization: 1,
  delayP99: Math.max(loop.delayP99, seconds),
  delayMax: Math.max(loop.delayMax, seconds),
});

/** Of several loops the worst delays, the mean utilization and all of the heaps; null where none has looked at itself yet. */
export function worstLoop(loops: readonly LoopGauges[]): LoopGauges | null {
  const known = loops.filter(({ heapTotal }) => heapTotal > 0);
  if (known.length === 0) return null;
  const worst = (name: "delayP50" | "delayP99" | "delayMax"): number =>
    Math.max(...known.map((loop) => loop[name]));
  const sum = (name: "utilization" | "heapUsed" | "heapTotal"): number =>
    known.reduce((total, loop) => total + loop[name], 0);
  return {
    delayP50: worst("delayP50"),
    delayP99: worst("delayP99"),
    delayMax: worst("delayMax"),
    utilization: sum("utilization") / known.length,
    heapUsed: sum("heapUsed"),
    heapTotal: sum("heapTotal"),
    looks: Math.max(...known.map(({ looks }) => looks)),
  };
}

function sumOf(totals: ReadonlyMap<string, Float64Array>): Float64Array {
  const [first, ...rest] = [...totals.values()];
  const sum = first ?? emptyRow();
  for (const row of rest) addRow(sum, row);
  return sum;
}
