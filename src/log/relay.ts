// A destination in a thread: gathers lines and hands them to the process's main thread, which alone writes the files.
// So a thread needs no rights to open them, and a reopen is one.

import type { Destination } from "./destination.ts";

/** How long a line may wait for others, in milliseconds, and how many may. */
const DELAY = 100;
const MOST = 512;

/** `hand` gets whole records, in order. */
export function relayDestination(hand: (lines: readonly string[]) => void): Destination {
  let lines: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  /** The thread exits: nothing is gathered any more. */
  let leaving = false;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (lines.length === 0) return;
    const full = lines;
    lines = [];
    hand(full);
  };
  const leave = (): void => {
    leaving = true;
    flush();
  };
  process.on("exit", leave);

  return {
    standard: false,
    lost: 0,
    write(line) {
      lines.push(line);
      if (lines.length >= MOST || leaving) flush();
      else timer ??= setTimeout(flush, DELAY).unref();
    },
    flush,
    flushSync: flush,
    reopen: () => undefined,
    close() {
      process.off("exit", leave);
      flush();
    },
  };
}
