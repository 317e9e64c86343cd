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

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (lines.length === 0) return;
    const full = lines;
    lines = [];
    hand(full);
  };
  process.on("exit", flush);

  return {
    standard: false,
    lost: 0,
    write(line) {
      lines.push(line);
      if (lines.length >= MOST) flush();
      else timer ??= setTimeout(flush, DELAY).unref();
    },
    flush,
    flushSync: flush,
    reopen: () => undefined,
    close() {
      process.off("exit", flush);
      flush();
    },
  };
}
