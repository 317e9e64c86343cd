// The end of accepting when the whole server stops: what waits in the kernel's queue is taken in before the socket is
// closed, since the kernel resets what is left in there when its last holder lets go.

export interface LastCallOptions {
  /** How many connections have been accepted so far. */
  readonly accepted: () => number;
  /** Whether the worker could take another connection: its gates are open. */
  readonly free: () => boolean;
  /** From now on the gates stay open, whether the worker is free or not. */
  readonly openWide: () => void;
}

/** How long a busy worker takes only what it can at the moment, in milliseconds: idle siblings are the better ones for the rest. */
const PATIENCE = 1_000;
/** And how long, after that, it takes in whatever still comes, in milliseconds. */
const SWEEP = 1_000;
/** How often a busy worker looks whether it still is, in milliseconds. */
const BUSY = 5;

/** Resolves when the queue was found empty, or time is up. */
export async function lastCall({ accepted, free, openWide }: LastCallOptions): Promise<void> {
  const start = performance.now();
  while (performance.now() - start < PATIENCE) {
    if (!free()) await new Promise((resolve) => setTimeout(resolve, BUSY));
    else if ((await isQuiet(accepted)) && free()) return;
  }
  openWide();
  // From here on, however late it has become on a busy machine.
  const sweep = performance.now();
  do if (await isQuiet(accepted)) return;
  while (performance.now() - sweep < SWEEP);
}

/** True where nobody came for a whole turn of the event loop. */
async function isQuiet(accepted: () => number): Promise<boolean> {
  const before = accepted();
  // The first is still in this turn, perhaps past its poll for connections.
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  return accepted() === before;
}
