// What is still to happen, soonest first; what was added first goes first where times are equal. A binary heap.

export interface Timeline<T> {
  /** When the soonest is due; Infinity where nothing is. */
  due(): number;
  add(at: number, what: T): void;
  take(): T | undefined;
}

interface Entry<T> {
  readonly at: number;
  readonly order: number;
  readonly what: T;
}

export function createTimeline<T>(): Timeline<T> {
  const heap: Entry<T>[] = [];
  let added = 0;
  const before = (a: Entry<T>, b: Entry<T>): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

  const rise = (entry: Entry<T>): void => {
    let place = heap.length;
    heap.push(entry);
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !before(entry, parent)) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = entry;
  };

  const sink = (entry: Entry<T>): void => {
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      let child = heap[below];
      if (child === undefined) break;
      const right = heap[below + 1];
      if (right !== undefined && before(right, child)) {
        below++;
        child = right;
      }
      if (!before(child, entry)) break;
      heap[place] = child;
      place = below;
    }
    heap[place] = entry;
  };

  return {
    due: () => heap[0]?.at ?? Number.POSITIVE_INFINITY,
    add(at, what) {
      if (at === Number.POSITIVE_INFINITY) return; // never
      rise({ at, order: added++, what });
    },
    take() {
      const first = heap[0];
      const last = heap.pop();
      if (last !== undefined && heap.length > 0) sink(last);
      return first?.what;
    },
  };
}
