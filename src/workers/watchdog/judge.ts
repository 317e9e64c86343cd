// When the watchdog speaks and when it kills. Pure: `thread.ts` looks and performs.
// All times are milliseconds on one monotonic clock.

export interface Limits {
  /** Silence after which the arbiter ends a worker that serves: longestSilence(). 0 is never. */
  readonly timeout: number;
  /** Age at which a request is slow; 0 is never. */
  readonly slow: number;
  /** What a worker has to end in once its arbiter is gone. */
  readonly grace: number;
  /** When the arbiter ends a worker that is not ready; infinite for never. */
  readonly bootBy: number;
  /** How often the loop runs its timer once it serves. */
  readonly interval: number;
  /** How often before. */
  readonly bootInterval: number;
}

/** What the watchdog sees. */
export interface Sight {
  readonly now: number;
  readonly beatAt: number;
  readonly ranAt: number;
  readonly booting: boolean;
  readonly orphaned: boolean;
}

export interface Watch {
  /** When it last looked, and when it meant to look next. */
  readonly lookedAt: number;
  readonly lookAt: number;
  /** Silence counts from here at the earliest. */
  readonly forgivenTill: number;
  /** The beat after which there was the silence that it has prepared to tell of, and has told of. */
  readonly prepared: number | null;
  readonly told: number | null;
  readonly orphanedAt: number | null;
}

export interface Verdict {
  readonly watch: Watch;
  /** The loop will be stuck soon: its stack is to be taken, so that it is there when the arbiter ends the worker. */
  readonly prepare: boolean;
  /** What to write to the log, with the stack. */
  readonly tell: "stuck" | "boot" | "orphan" | null;
  /** How long the loop has been silent. */
  readonly silent: number;
  /** Whether the process is to be ended. */
  readonly kill: boolean;
  /** Requests that began before this and are not told of yet are slow, and the loop can't say so itself. */
  readonly slowBefore: number | null;
}

/** The arbiter is looked for this often. */
const LONGEST_SLEEP = 1_000;
/** Waking up so much later than meant, the process was stopped, the machine asleep or very busy. */
const STALLED_AFTER = 500;
/** What a loop gets after that to say that it runs. */
const SECOND_LOOK = 200;
/**
 * How long before it is stuck a loop's stack is taken, and the same as a part of the timeout: a busy machine needs that long to find out
 * that native code gives none, and SIGKILL does not wait.
 */
const EARLY = 750;
const EARLY_PART = 1 / 3;
/** A boot timeout is told so long before the arbiter's SIGKILL, which waits for nobody. */
const BEFORE_BOOT_TIMEOUT = 750;
/** What a report takes at the most, with the stack that it waits for. */
const LONGEST_REPORT = 1_000;
/** What a worker whose loop runs may take beyond its grace to end by itself. */
const LAST_WORDS = 2_000;

export const startWatch = (now: number): Watch => ({
  lookedAt: now,
  lookAt: now,
  forgivenTill: now,
  prepared: null,
  told: null,
  orphanedAt: null,
});

export function judge(before: Watch, sight: Sight, limits: Limits): Verdict {
  const { now, beatAt, ranAt, booting } = sight;
  const late = now - before.lookAt;
  const stalled = late > STALLED_AFTER;
  // That time alone is forgiven: on a busy machine the arbiter, who is not late, judges all the same, and soon.
  const forgivenTill = stalled
    ? Math.min(now, Math.max(before.forgivenTill, beatAt) + late)
    : before.forgivenTill;
  const silent = now - Math.max(beatAt, forgivenTill);
  const orphanedAt = sight.orphaned ? (before.orphanedAt ?? now) : null;
  const blockedFor = now - Math.max(ranAt, forgivenTill);
  const interval = booting ? Math.min(limits.bootInterval, limits.interval) : limits.interval;
  const blocked = !stalled && blockedFor >= Math.max(3 * interval, 250);

  // Who has not served yet has nothing to finish.
  const grace = booting ? 0 : limits.grace;
  const overdue = orphanedAt === null ? Number.NEGATIVE_INFINITY : now - orphanedAt - grace;
  const stuck = !booting && !stalled && limits.timeout > 0 && silent >= limits.timeout;
  const boot = booting && blocked && now >= bootLook(limits);
  const orphan = overdue >= 0 && blocked;
  const reason = orphan ? "orphan" : stuck ? "stuck" : boot ? "boot" : null;
  const tell = before.told === beatAt ? null : reason;
  const near = !booting && !stalled && limits.timeout > 0 && silent >= limits.timeout - early(limits);
  const prepare = near && before.prepared !== beatAt;

  const watch: Watch = {
    lookedAt: now,
    lookAt: now + (stalled ? SECOND_LOOK : sleep(limits, silent, now, booting, overdue)),
    forgivenTill,
    prepared: prepare ? beatAt : before.prepared,
    told: tell === null ? before.told : beatAt,
    orphanedAt,
  };
  // An arbiter that is gone can't end a stuck worker.
  const kill = orphan || (stuck && orphanedAt !== null) || overdue >= LAST_WORDS;
  // While the loop runs it tells of slow requests itself, at its next sweep.
  const unheard = !stalled && blockedFor >= 2 * interval + 20;
  const slowBefore = limits.slow > 0 && unheard ? now - limits.slow : null;
  return { watch, prepare, tell, silent: now - Math.min(beatAt, ranAt), kill, slowBefore };
}

/** The watch after a report that was begun at `began`: what it took was no stall. */
export function reported(watch: Watch, began: number, now: number): Watch {
  return { ...watch, lookAt: Math.max(watch.lookAt, Math.min(now, began + LONGEST_REPORT)) };
}

/** How long before a loop is stuck its stack is asked for. */
export const early = ({ timeout }: Limits): number => Math.min(EARLY, timeout * EARLY_PART);

const bootLook = ({ bootBy }: Limits): number => bootBy - BEFORE_BOOT_TIMEOUT;

function sleep(limits: Limits, silent: number, now: number, booting: boolean, overdue: number): number {
  const ahead: number[] = [LONGEST_SLEEP];
  if (limits.timeout > 0 && !booting)
    ahead.push(limits.timeout - early(limits) - silent, limits.timeout - silent);
  if (limits.slow > 0) ahead.push(limits.slow / 4);
  // Past that, it may have been blocked for too short a time yet.
  if (booting) ahead.push(Math.max(100, bootLook(limits) - now));
  if (overdue > -LONGEST_SLEEP) ahead.push(overdue < 0 ? -overdue : 100);
  const soonest = Math.min(...ahead.filter((milliseconds) => milliseconds > 0));
  return Math.max(10, Math.ceil(soonest));
}
