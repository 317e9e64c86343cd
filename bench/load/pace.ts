// When a load sends, and when it stops.

export interface Pace {
  readonly stopping: boolean;
  /** Resolves at `due`, by performance.now(), or when the load is stopped. */
  until(due: number): Promise<void>;
  stop(): void;
}

export function createPace(): Pace {
  let stopping = false;
  const sleepers = new Set<() => void>();
  return {
    get stopping() {
      return stopping;
    },
    until(due) {
      const wait = due - performance.now();
      if (wait <= 0 || stopping) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          sleepers.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, wait);
        sleepers.add(wake);
      });
    },
    stop() {
      stopping = true;
      for (const wake of sleepers) wake();
    },
  };
}

export interface Counter {
  add(): void;
  /** Resolves when so many more have been added. */
  more(count: number): Promise<void>;
}

export function createCounter(): Counter {
  let sum = 0;
  let waiting: { readonly at: number; readonly resolve: () => void }[] = [];
  return {
    add() {
      sum++;
      if (waiting.length === 0) return;
      const ready = waiting.filter(({ at }) => at <= sum);
      if (ready.length === 0) return;
      waiting = waiting.filter(({ at }) => at > sum);
      for (const { resolve } of ready) resolve();
    },
    more: (count) => new Promise((resolve) => waiting.push({ at: sum + count, resolve })),
  };
}
