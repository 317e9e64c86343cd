// Who waits for the end of a reload. One that is asked for while another is on its way has an end of its own.

export interface Reloads {
  /** To be called before the reload is asked for. Resolves with null where it went well, or with why it did not. */
  wanted(): Promise<string | null>;
  /** A reload begins: it is the one that all were waiting for. */
  begun(): void;
  /** `last`: no other will begin. */
  ended(failure: string | null, last: boolean): void;
  /** The one that ended last, and when, on the clock that this was made with. */
  last(): { readonly at: number; readonly failure: string | null } | null;
}

type Waiting = (failure: string | null) => void;

export function createReloads(now: () => number): Reloads {
  let before: Waiting[] = [];
  let during: Waiting[] = [];
  let last: ReturnType<Reloads["last"]> = null;
  return {
    wanted: () => new Promise((resolve) => before.push(resolve)),
    begun() {
      during = before;
      before = [];
    },
    ended(failure, final) {
      last = { at: now(), failure };
      const told = final ? [...during, ...before] : during;
      during = [];
      if (final) before = [];
      for (const tell of told) tell(failure);
    },
    last: () => last,
  };
}
