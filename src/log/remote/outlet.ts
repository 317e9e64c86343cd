// Where messages wait for somebody across a network or a socket: bounded, and never waited for. What can't be kept is
// counted and told; a link that breaks is made anew, ever later.

import { createLosses } from "../losses.ts";

export interface Outlet {
  /** Messages lost so far, as far as that can be known. */
  readonly lost: number;
  /** Takes a message. Never throws, never waits. */
  write(message: string): void;
  /** Sends what waits, soon. */
  flush(): void;
  /** Resolves when all is sent, or can't be for now. */
  settle(): Promise<void>;
  /** Ends the link; what waits is lost. */
  close(): void;
}

/** A way to send. One batch is with it at a time. */
export interface Link {
  /** Sends whole messages, and calls `done` once, with how many of them are lost. */
  send(messages: readonly string[], done: (lost: number, reason: string) => void): void;
  close(): void;
}

export interface LinkEvents {
  /** Messages can be sent from now on. */
  up(): void;
  /** They can't any more, or could not at all. Nothing may be called after it. */
  down(reason: string): void;
}

export interface OutletOptions {
  /** What warnings begin with: `syslog udp://localhost:514`. */
  readonly name: string;
  readonly connect: (events: LinkEvents) => Link;
  /** Hears of losses, at most once a minute. */
  readonly warn: (message: string) => void;
  /** Characters that may wait. Default 1 Mi. */
  readonly limit?: number;
  /** How long a message may wait for others, in milliseconds. Default 100. */
  readonly delay?: number;
}

const GATHER = 64 * 1024;
/** Between attempts to connect, in milliseconds: doubled each time. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 30_000;
/** What a link has to last for the next attempt to be made soon again, in milliseconds. */
const LASTING = 5_000;

export function createOutlet({
  name,
  connect,
  warn,
  limit = 1024 * 1024,
  delay = 100,
}: OutletOptions): Outlet {
  const losses = createLosses(name, warn);
  let waiting: string[] = [];
  let size = 0;
  let link: Link | undefined;
  let state: "down" | "connecting" | "ready" | "sending" | "closed" = "down";
  let pause = FIRST_PAUSE;
  let upSince = Number.POSITIVE_INFINITY;
  let why = "it takes no more";
  let timer: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let settled: (() => void)[] = [];

  const wake = (): void => {
    if (state === "connecting" || state === "sending" || (state === "ready" && waiting.length > 0)) return;
    for (const resolve of settled) resolve();
    settled = [];
  };

  function open(): void {
    if (retry !== undefined) return;
    state = "connecting";
    let current = true;
    const opened = connect({
      up() {
        if (!current || state === "closed") return;
        state = "ready";
        upSince = performance.now();
        why = "it takes no more";
        flush();
        wake();
      },
      down(reason) {
        if (!current || state === "closed") return;
        current = false;
        // One that takes calls and hangs up is not called again and again.
        if (performance.now() - upSince >= LASTING) pause = FIRST_PAUSE;
        upSince = Number.POSITIVE_INFINITY;
        link = undefined;
        state = "down";
        why = reason;
        retry = setTimeout(again, pause * (0.5 + Math.random() / 2)).unref();
        pause = Math.min(pause * 2, LONGEST_PAUSE);
        // Who hears of it may write here in turn.
        losses.note(reason);
        wake();
      },
    });
    if (current) link = opened;
  }

  function again(): void {
    retry = undefined;
    if (waiting.length > 0) open();
  }

  function flush(): void {
    if (waiting.length === 0) return;
    if (state === "down") return open();
    if (state !== "ready" || link === undefined) return;
    const batch = waiting;
    waiting = [];
    size = 0;
    state = "sending";
    link.send(batch, (lost, reason) => {
      losses.add(lost, reason);
      if (lost === 0) losses.report();
      if (state !== "sending") return;
      state = "ready";
      if (waiting.length > 0) arm();
      wake();
    });
  }

  const arm = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      flush();
    }, delay).unref();
  };

  function close(): void {
    process.off("exit", close);
    if (state === "closed") return;
    state = "closed";
    clearTimeout(timer);
    clearTimeout(retry);
    losses.add(waiting.length, why === "it takes no more" ? "it took no more before the exit" : why);
    waiting = [];
    losses.report(true);
    link?.close();
    wake();
  }
  process.on("exit", close);

  return {
    get lost() {
      return losses.total;
    },
    write(message) {
      if (size >= limit || state === "closed") return losses.add(1, why);
      waiting.push(message);
      size += message.length;
      if (size >= GATHER) flush();
      else arm();
    },
    flush,
    settle() {
      flush();
      return new Promise((resolve) => {
        settled.push(resolve);
        wake();
      });
    },
    close,
  };
}
