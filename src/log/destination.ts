// Where log lines go: an append-only writer that gathers lines, writes them whole, and loses none that it can save.

import { serverError } from "../errors.ts";
import { type Descriptor, type Making, openDescriptor } from "./descriptor.ts";
import { createLosses, warnOnStderr } from "./losses.ts";
import { createOutbox, type Outcome } from "./outbox.ts";

export interface DestinationOptions extends Making {
  /** The descriptor that `-` stands for: 1 for the access log, 2 for the error log. Default 2. */
  readonly standard?: 1 | 2;
  /** The setting that names the target, for error messages. Default `errorlog`. */
  readonly setting?: string;
  /** How long, in milliseconds, a line may wait for others before it is written. Default 100; 0 writes each at once. */
  readonly delay?: number;
  /** Characters that may wait for a target that takes none; lines beyond are lost and counted. Default 4 Mi. */
  readonly limit?: number;
  /** Put before each line: what clears a terminal's line. Default nothing. */
  readonly before?: string;
  /** Hears, at most once a minute, what goes wrong. Default: a line on stderr. */
  readonly warn?: (message: string) => void;
}

export interface Destination {
  /** True where lines go to stdout or stderr. */
  readonly standard: boolean;
  /** Lines lost so far. */
  readonly lost: number;
  /**
   * Takes a line (or a record of several lines) without its final line feed. Never throws; waits only for a full pipe
   * that was inherited in blocking mode.
   */
  write(line: string): void;
  /** Writes what the target takes now. */
  flush(): void;
  /** Writes everything, waiting up to a second for a full pipe. */
  flushSync(): void;
  /** Opens the path anew, after a rotation. Where that fails the old file stays in use, with a warning. */
  reopen(): void;
  /** Writes everything and closes; later lines are lost. */
  close(): void;
}

const FULL = "it takes no more";
const GATHER = 64 * 1024;
const PATIENCE = 1000;
const NAP = 5;

const napCell = new Int32Array(new SharedArrayBuffer(4));

/**
 * Opens `target`: `-`, or a path, which is created where missing and only ever appended to.
 * @throws LOG_UNWRITABLE where it can't be written.
 */
export function openDestination(target: string, options: DestinationOptions = {}): Destination {
  const { standard = 2, setting = "errorlog", delay = 100, limit = 4 * 1024 * 1024, before = "" } = options;
  const open = (): Descriptor => {
    const opened = openDescriptor(target, standard, options);
    if ("reason" in opened)
      throw serverError("LOG_UNWRITABLE", { setting, path: target, reason: opened.reason });
    return opened;
  };

  let descriptor: Descriptor | undefined = open();
  const outbox = createOutbox();
  const losses = createLosses(
    target === "-" ? setting : `${setting} ${target}`,
    options.warn ?? warnOnStderr,
  );
  let timer: NodeJS.Timeout | undefined;
  let flushAt = GATHER;
  /** The process exits: nothing is gathered any more. */
  let leaving = false;
  /** Why what waits can't be written for now. */
  let why = FULL;

  const onTimer = (): void => {
    timer = undefined;
    flush();
  };
  const arm = (): void => {
    timer ??= setTimeout(onTimer, Math.max(delay, 10)).unref();
  };

  /** One attempt. A target that takes nothing is tried again by the timer, not by every line. */
  function flush(): Outcome["type"] {
    if (outbox.size === 0) return "empty";
    if (descriptor === undefined) {
      losses.add(outbox.clear(), "it is closed");
      return "empty";
    }
    const outcome = outbox.send(descriptor);
    if (outcome.type === "failing") {
      why = outcome.reason;
      if (outcome.passing) losses.note(why);
      else losses.add(outbox.clear(), outcome.reason);
    } else why = FULL;
    flushAt = outbox.size + GATHER;
    if (outbox.size > 0) arm();
    else losses.report();
    return outcome.type;
  }

  function flushSync(): void {
    const deadline = performance.now() + PATIENCE;
    while (flush() === "full" && performance.now() < deadline) Atomics.wait(napCell, 0, 0, NAP);
  }

  function onExit(): void {
    flushSync();
    losses.add(outbox.clear(), why === FULL ? "it took no more before the exit" : why);
    losses.report(true);
  }
  const leave = (): void => {
    leaving = true;
    onExit();
  };
  process.on("exit", leave);

  return {
    standard: descriptor.shared,
    get lost() {
      return losses.total;
    },
    write(line) {
      if (outbox.size >= limit) {
        losses.add(1, why);
        return;
      }
      outbox.add(before + line);
      if (outbox.size >= flushAt || delay === 0 || leaving) flush();
      else if (timer === undefined) arm();
    },
    flush() {
      flush();
    },
    flushSync,
    reopen() {
      if (descriptor === undefined || descriptor.shared) return;
      let next: Descriptor;
      try {
        next = open();
      } catch (error) {
        losses.warn(`${error instanceof Error ? error.message : String(error)}; the old file stays in use`);
        return;
      }
      flushSync();
      descriptor.close();
      descriptor = next;
    },
    close() {
      if (descriptor === undefined) return;
      process.off("exit", leave);
      onExit();
      clearTimeout(timer);
      descriptor.close();
      descriptor = undefined;
    },
  };
}
