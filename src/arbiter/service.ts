// Something that the arbiter serves beside the application, where and as long as the configuration wants it: opened, moved
// and closed, one change after another. Where it can't be opened the application is served all the same.

import { isDeepStrictEqual } from "node:util";
import { within } from "../within.ts";

export interface Served {
  /** Takes no more clients; resolves when those that are there have their answers. */
  close(): Promise<void>;
}

export interface Service<Wish> {
  /** Null is nowhere. Not before `freed`, where another has to make room first; resolves when it is done. */
  follow(wish: Wish | null, freed?: Promise<void>): Promise<void>;
  /** Whether it is there, or is to be. */
  holds(place: string): boolean;
  close(): Promise<void>;
}

export interface ServiceOptions<Wish> {
  /** `wanted` turns false when something else is wanted by now. */
  open(wish: Wish, wanted: () => boolean): Promise<Served | null>;
  /** `held` is what serves on in its place. */
  failed(error: unknown, held: Wish | null): void;
}

/** What answers may take when all ends, or something else takes the place, in milliseconds. */
const LAST_ANSWERS = 500;

export function createService<Wish extends { readonly place: string }>(
  options: ServiceOptions<Wish>,
): Service<Wish> {
  let latest: Wish | null = null;
  let held: { readonly wish: Wish; readonly served: Served } | null = null;
  let changes: Promise<void> = Promise.resolve();

  const change = async (wish: Wish | null): Promise<void> => {
    if (isDeepStrictEqual(wish, held?.wish ?? null)) return;
    // The new one is there before the old one goes, where both have room.
    const before = held;
    if (before !== null && before.wish.place === wish?.place) {
      held = null;
      // Who asks nothing, or reads no answer, holds nobody else up.
      await within(LAST_ANSWERS, before.served.close());
    }
    try {
      const served = wish === null ? null : await options.open(wish, () => wish === latest);
      held = wish === null || served === null ? null : { wish, served };
      void before?.served.close();
    } catch (error) {
      options.failed(error, held?.wish ?? null);
    }
  };

  return {
    follow(wish, freed) {
      latest = wish;
      changes = changes.then(() => freed).then(() => change(wish));
      return changes;
    },
    holds: (place) => held?.wish.place === place || latest?.place === place,
    async close() {
      latest = null;
      await within(LAST_ANSWERS, changes);
      if (held === null) return;
      await within(LAST_ANSWERS, held.served.close());
      held = null;
    },
  };
}
