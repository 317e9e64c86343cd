// What becomes of a serving thread that is stuck while its stack is being taken.

import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { test } from "node:test";
import type { Thread } from "../../src/workers/threads/thread.ts";
import { watchThreads } from "../../src/workers/threads/watch.ts";
import { createVitals, readVitals, sharedNow } from "../../src/workers/vitals.ts";

/** Watches a thread that has been silent for ten seconds; `asked` is called when its stack is to be taken. */
async function judged(asked: (vitals: ReturnType<typeof createVitals>) => void): Promise<string[]> {
  const vitals = createVitals();
  const signs = readVitals(vitals.shared);
  const said: string[] = [];
  const news = new EventEmitter();
  const say = (what: string): void => {
    said.push(what);
    // Its end may follow at once.
    setImmediate(() => news.emit("said"));
  };
  const thread: Thread = {
    number: 1,
    id: 1,
    task: null,
    vitals: {
      ...signs,
      get beatAt() {
        return signs.beatAt;
      },
      get ranAt() {
        return signs.ranAt;
      },
      get inspected() {
        asked(vitals);
        return true;
      },
      count: 0,
    },
    tell: () => undefined,
    terminate: () => undefined,
  };
  vitals.beat(sharedNow() - 10_000, false);
  const watch = watchThreads({
    config: { timeout: 1, requestTimeout: 0, slowRequest: 0, bootTimeout: 0, watchdog: true },
    identity: { id: 1, slot: 1, generation: 1 },
    log: {
      warning: (text) => say(`warning: ${text}`),
      error: (text) => say(`error: ${text}`),
      critical: (text) => say(`critical: ${text}`),
    },
    threads: () => [thread],
    booting: () => false,
    end: () => say("ended"),
  });
  const alive = setInterval(() => undefined, 1_000);
  await once(news, "said");
  clearInterval(alive);
  watch.stop();
  return said;
}

test("a thread that stays stuck is told of and ended", async () => {
  const [told, ended, ...more] = await judged(() => undefined);
  assert.match(
    told ?? "",
    /^critical: Thread stuck for \d+\.\d s, it is ended: worker=1 gen=1 pid=\d+ thread=1\n/,
  );
  assert.deepEqual([ended, ...more], ["ended"]);
});

test("a thread that has come back meanwhile is told of and serves on", async () => {
  // Each time, so that what was taken early is of another block; and so long ago that it is stuck all the same.
  const [told, ...more] = await judged((vitals) => vitals.beat(sharedNow() - 9_000, false));
  assert.match(
    told ?? "",
    /^error: Thread stuck for \d+\.\d s, it runs again: worker=1 gen=1 pid=\d+ thread=1\n[\s\S]*the event loop was blocked for \d+\.\d s and is free again$/,
  );
  assert.deepEqual(more, []);
});

test("its stack is taken before it is stuck", async () => {
  // A machine that is very busy may look too late to do so.
  for (let tries = 0; tries < 5; tries++) {
    const asked: number[] = [];
    const [told] = await judged(() => asked.push(sharedNow()));
    assert.match(told ?? "", /^critical: Thread stuck/);
    assert.equal(asked.length, 1);
    if (sharedNow() - (asked[0] ?? 0) > 50) return;
  }
  assert.fail("it was taken when the thread was stuck already");
});
