import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createService, type Service } from "../../src/arbiter/service.ts";

interface Wish {
  readonly place: string;
}

/** A service that tells what happens to it; places in `taken` can't be had. */
function service(name: string, told: string[], taken: Set<string>): Service<Wish> {
  return createService<Wish>({
    async open({ place }) {
      if (taken.has(place)) throw new Error(`${place} is taken`);
      taken.add(place);
      told.push(`${name} opens ${place}`);
      return {
        async close() {
          taken.delete(place);
          told.push(`${name} closes ${place}`);
        },
      };
    },
    failed: (error, held) => void told.push(`${String(error)}; ${held?.place ?? "nothing"} serves`),
  });
}

test("what can't move stays, and who is told hears where", async () => {
  const told: string[] = [];
  const one = service("one", told, new Set(["b"]));
  await one.follow({ place: "b" });
  await one.follow({ place: "a" });
  await one.follow({ place: "b" });
  assert.ok(one.holds("a"));
  await one.close();
  assert.deepEqual(told, [
    "Error: b is taken; nothing serves",
    "one opens a",
    "Error: b is taken; a serves",
    "one closes a",
  ]);
});

test("two change places where each gives up its own first", async () => {
  const told: string[] = [];
  const taken = new Set<string>();
  const [one, two] = [service("one", told, taken), service("two", told, taken)];
  await Promise.all([one.follow({ place: "a" }), two.follow({ place: "b" })]);
  const [a, b] = [one.follow(null), two.follow(null)];
  await Promise.all([one.follow({ place: "b" }, b), two.follow({ place: "a" }, a)]);
  assert.deepEqual(told.slice(2).sort(), ["one closes a", "one opens b", "two closes b", "two opens a"]);
  await Promise.all([one.close(), two.close()]);
});

test("who never lets go of it holds up neither a change nor the end", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const opened: number[] = [];
  const one = createService<Wish & { readonly mode: number }>({
    async open({ mode }) {
      opened.push(mode);
      return { close: () => new Promise(() => undefined) };
    },
    failed: (error) => assert.fail(String(error)),
  });
  /** Until a timer of the service's is there to be over. */
  const later = async (done: Promise<void>): Promise<void> => {
    let over = false;
    void done.then(() => {
      over = true;
    });
    for (let turn = 0; turn < 100 && !over; turn++) {
      await setImmediate();
      t.mock.timers.tick(100);
    }
    assert.ok(over);
  };
  await later(one.follow({ place: "a", mode: 1 }));
  await later(one.follow({ place: "a", mode: 2 }));
  assert.deepEqual(opened, [1, 2]);
  await later(one.close());
});
