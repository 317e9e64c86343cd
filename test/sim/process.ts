// A worker process as the arbiter meets it: a record of habits, and the few things it does by itself.
// Its clock is the machine's, which stands still while the whole machine is suspended.

import type { Effect, Event, Policy } from "../../src/arbiter/events.ts";

/** How a process behaves. Durations are milliseconds; Infinity means never. */
export interface Habits {
  /** No process comes of it: no pid, and an exit without code or signal. */
  readonly spawnFails: boolean;
  /** From spawn to ready, or to the failed boot. Infinity hangs. */
  readonly bootMs: number;
  /** How the boot fails; null where it does not. With a status it tells `bootFailed`, then takes `quitMs` to exit. */
  readonly bootExit:
    | null
    | { readonly code: number }
    | { readonly signal: string }
    | { readonly status: 3 | 4; readonly reason: string };
  /** From the first request it may have taken in to ready: a withdrawal in between is a drain. */
  readonly openMs: number;
  readonly beatEvery: number;
  /** From `drain` to the exit; Infinity ignores it. */
  readonly drainMs: number;
  /** From `quit` to the exit; Infinity ignores it. */
  readonly quitMs: number;
  readonly ignoresAbrt: boolean;
  /** From SIGKILL, or a SIGABRT it heeds, to the exit. */
  readonly killMs: number;
  /** Since ready: its loop gets stuck, for `freezeMs`. */
  readonly freezeAt: number;
  readonly freezeMs: number;
  /** Since ready: asks to be replaced. */
  readonly retireAt: number;
  /** Since ready: leaves by itself, as after a signal of its own. */
  readonly leaveAt: number;
  /** Since ready: dies. */
  readonly dieAt: number;
  /** Since ready: uses more memory than any limit. */
  readonly growAt: number;
}

export const healthy: Habits = {
  spawnFails: false,
  bootMs: 100,
  bootExit: null,
  openMs: 0,
  beatEvery: 1_000,
  drainMs: 50,
  quitMs: 10,
  ignoresAbrt: false,
  killMs: 1,
  freezeAt: Number.POSITIVE_INFINITY,
  freezeMs: Number.POSITIVE_INFINITY,
  retireAt: Number.POSITIVE_INFINITY,
  leaveAt: Number.POSITIVE_INFINITY,
  dieAt: Number.POSITIVE_INFINITY,
  growAt: Number.POSITIVE_INFINITY,
};

/** What a process tells of its memory, in bytes: limits lie between. */
export const SMALL = 1_000;
export const LARGE = 3_000;

export type SpawnOrder = Extract<Effect, { readonly type: "spawn" }>;

/** What a process lives on. */
export interface Machine {
  /** Milliseconds this machine has run. */
  uptime(): number;
  later(ms: number, act: () => void): void;
  tell(event: Event): void;
}

export interface FakeProcess {
  readonly order: SpawnOrder;
  /** What it was started with. */
  readonly policy: Policy;
  readonly habits: Habits;
  alive: boolean;
  frozen: boolean;
  /** Uptimes at which things happened; Infinity where they did not. */
  readonly bornAt: number;
  /** When the arbiter was first told that it is large. */
  largeAt: number;
  openAt: number;
  readyAt: number;
  failedAt: number;
  beatAt: number;
  leftAt: number;
  /** When it was told to go by an arbiter that did not know that it serves. */
  withdrawnAt: number;
  drainedAt: number;
  quitAt: number;
  abortedAt: number;
  killedAt: number;
  drain(): void;
  withdraw(): void;
  quit(): void;
  signal(signal: "SIGABRT" | "SIGKILL"): void;
}

export function startProcess(
  order: SpawnOrder,
  policy: Policy,
  habits: Habits,
  machine: Machine,
): FakeProcess {
  const never = Number.POSITIVE_INFINITY;
  const id = order.id;
  /** What to do once unfrozen. */
  let held: (() => void)[] = [];

  const exit = (code: number | null, signal: string | null): void => {
    if (!self.alive) return;
    self.alive = false;
    machine.tell({ type: "exited", id, code, signal });
  };
  /** Done by the process's own loop: not while it is stuck, nor after its death. */
  const own = (act: () => void) => (): void => {
    if (!self.alive) return;
    if (self.frozen) held.push(act);
    else act();
  };
  const later = (ms: number, act: () => void): void => {
    if (ms !== never) machine.later(ms, own(act));
  };

  const boot = (): void => {
    const failure = habits.bootExit;
    if (self.quitAt !== never) return;
    if (failure === null) {
      self.openAt = machine.uptime();
      return habits.openMs === 0 ? becomeReady() : later(habits.openMs, becomeReady);
    }
    if ("code" in failure) return exit(failure.code, null);
    if ("signal" in failure) return exit(null, failure.signal);
    self.failedAt = machine.uptime();
    machine.tell({ type: "bootFailed", id, status: failure.status, reason: failure.reason });
    later(habits.quitMs, () => exit(failure.status, null));
  };
  const becomeReady = (): void => {
    if (self.quitAt !== never) return;
    self.readyAt = machine.uptime();
    self.beatAt = self.readyAt;
    machine.tell({ type: "ready", id });
    if (self.withdrawnAt !== never) later(habits.drainMs, () => exit(0, null));
    later(habits.beatEvery, beat);
    later(habits.retireAt, () => {
      if (!going()) machine.tell({ type: "retire", id, reason: "it has served enough" });
    });
    later(habits.leaveAt, () => {
      if (going()) return;
      self.leftAt = machine.uptime();
      machine.tell({ type: "leaving", id, ending: "left", reason: "SIGTERM" });
      later(habits.drainMs, () => exit(0, null));
    });
    if (habits.dieAt !== never) machine.later(habits.dieAt, () => exit(null, "SIGSEGV"));
    if (habits.freezeAt !== never) machine.later(habits.freezeAt, freeze);
  };
  const going = (): boolean => self.drainedAt !== never || self.quitAt !== never || self.leftAt !== never;
  const beat = (): void => {
    self.beatAt = machine.uptime();
    const large = self.beatAt - self.readyAt >= habits.growAt;
    if (large) self.largeAt = Math.min(self.largeAt, self.beatAt);
    machine.tell({ type: "beat", id, rss: large ? LARGE : SMALL });
    later(habits.beatEvery, beat);
  };
  const freeze = (): void => {
    self.frozen = true;
    if (habits.freezeMs === never) return;
    machine.later(habits.freezeMs, () => {
      self.frozen = false;
      const acts = held;
      held = [];
      for (const act of acts) own(act)();
    });
  };

  const self: FakeProcess = {
    order,
    policy,
    habits,
    alive: true,
    frozen: false,
    bornAt: machine.uptime(),
    largeAt: never,
    openAt: never,
    readyAt: never,
    failedAt: never,
    beatAt: never,
    leftAt: never,
    withdrawnAt: never,
    drainedAt: never,
    quitAt: never,
    abortedAt: never,
    killedAt: never,
    drain() {
      if (self.drainedAt === never) self.drainedAt = machine.uptime();
      later(habits.drainMs, () => exit(0, null));
    },
    withdraw() {
      if (self.openAt === never) return self.quit();
      self.withdrawnAt = Math.min(self.withdrawnAt, machine.uptime());
      if (self.readyAt !== never) self.drain();
      else self.drainedAt = Math.min(self.drainedAt, machine.uptime());
    },
    quit() {
      if (self.quitAt === never) self.quitAt = machine.uptime();
      later(habits.quitMs, () => exit(0, null));
    },
    signal(signal) {
      if (signal === "SIGABRT") self.abortedAt = machine.uptime();
      else self.killedAt = Math.min(self.killedAt, machine.uptime());
      if (signal === "SIGABRT" && habits.ignoresAbrt) return;
      machine.later(habits.killMs, () => exit(null, signal));
    },
  };

  if (habits.spawnFails) {
    machine.later(0, () => exit(null, null));
  } else {
    machine.tell({ type: "spawned", id, pid: 1000 + id });
    later(habits.bootMs, boot);
  }
  return self;
}
