import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { createPeeks } from "../../src/arbiter/peeks.ts";
import { isPeekAsk, type LoopView, type PeekAnswer, type PeekAsk } from "../../src/ipc/peek.ts";

const LONG = 60_000;

const looks = (count: number): readonly LoopView[] => [
  { thread: null, count, requests: [], silent: 0, stack: null },
];

/** The worker's end: what it has been asked, and a way to answer. */
function workerEnd(): {
  readonly stream: Duplex;
  readonly asked: PeekAsk[];
  readonly answer: (ask: PeekAsk | undefined, count: number) => void;
} {
  const asked: PeekAsk[] = [];
  const stream = new Duplex({
    read: () => undefined,
    write(text, _, done) {
      const value: unknown = JSON.parse(String(text));
      assert.ok(isPeekAsk(value));
      asked.push(value);
      done();
    },
  });
  return {
    stream,
    asked,
    answer(ask, count) {
      assert.ok(ask !== undefined);
      const told: PeekAnswer = { ...ask, loops: looks(count) };
      stream.push(`${JSON.stringify(told)}\n`);
    },
  };
}

test("who asks what is being asked already gets that answer, and the next ask is a new one", async () => {
  const peeks = createPeeks();
  const { stream, asked, answer } = workerEnd();
  peeks.add(1, stream);
  const first = Array.from({ length: 100 }, () => peeks.ask(1, "stack", LONG));
  const other = peeks.ask(1, "count", LONG);
  assert.deepEqual(
    asked.map(({ what }) => what),
    ["stack", "count"],
  );
  answer(asked[0], 1);
  for (const loops of await Promise.all(first)) assert.deepEqual(loops, looks(1));
  answer(asked[1], 2);
  assert.deepEqual(await other, looks(2));
  const next = peeks.ask(1, "stack", LONG);
  assert.equal(asked.length, 3);
  answer(asked[2], 3);
  assert.deepEqual(await next, looks(3));
});

test("a question that nobody waits for any more is put anew, and its late answer is not the new one's", async () => {
  const peeks = createPeeks();
  const { stream, asked, answer } = workerEnd();
  peeks.add(1, stream);
  // The arbiter's timers keep no process alive.
  const alive = setInterval(() => undefined, LONG);
  assert.equal(await peeks.ask(1, "stack", 1), null);
  clearInterval(alive);
  assert.equal(peeks.heard(1), false);
  const again = peeks.ask(1, "stack", LONG);
  answer(asked[0], 1);
  answer(asked[1], 2);
  assert.deepEqual(await again, looks(2));
  assert.equal(peeks.heard(1), true);
});

test("a worker that goes leaves nobody waiting", async () => {
  const peeks = createPeeks();
  const { stream } = workerEnd();
  peeks.add(1, stream);
  const both = [peeks.ask(1, "stack", LONG), peeks.ask(1, "stack", LONG)];
  stream.destroy();
  assert.deepEqual(await Promise.all(both), [null, null]);
  assert.equal(await peeks.ask(1, "stack", LONG), null);
  assert.equal(peeks.heard(1), false);
});
