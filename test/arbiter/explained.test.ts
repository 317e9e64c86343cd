import assert from "node:assert/strict";
import { test } from "node:test";
import { explain, killExplained } from "../../src/arbiter/explained.ts";
import type { LoopView, PeekWhat } from "../../src/ipc/peek.ts";

const free = "the event loop is free";
const requests = [
  { line: "GET /a", client: "10.0.0.7:5000", age: 6.2 },
  { line: "POST /b", client: "a unix socket", age: 0.25 },
];
const view: LoopView = { thread: null, count: 2, requests, silent: 0, stack: [free] };

async function killing(
  answers: Partial<Record<PeekWhat, readonly LoopView[]>>,
  lives = true,
): Promise<string[]> {
  const did: string[] = [];
  await killExplained(7, "Killing worker=1", {
    peek: (_, what) => Promise.resolve(answers[what] ?? null),
    warn: (message) => void did.push(message),
    kill(id, signal) {
      did.push(`${signal} ${id}`);
      return lives;
    },
  });
  return did;
}

test("the log has the requests and the stack of who is killed", async () => {
  assert.deepEqual(await killing({ stack: [view], requests: [view] }), [
    "SIGKILL 7",
    [
      "Killing worker=1",
      "  requests in flight:",
      "    GET /a from 10.0.0.7:5000 for 6.2 s",
      "    POST /b from a unix socket for 0.25 s",
      "  the event loop is free",
    ].join("\n"),
  ]);
});

test("without an answer it is killed all the same, and what came in time is told", async () => {
  assert.deepEqual(await killing({}), ["SIGKILL 7", "Killing worker=1"]);
  const some = await killing({ requests: [{ ...view, count: 1, requests: requests.slice(1), stack: null }] });
  assert.equal(some[1], "Killing worker=1\n  requests in flight:\n    POST /b from a unix socket for 0.25 s");
});

test("who has finished while it was asked was not killed", async () => {
  assert.deepEqual(await killing({ stack: [view] }, false), ["SIGKILL 7"]);
});

test("of many threads those are told of that have something to do, or are stuck", () => {
  const idle: LoopView = { thread: 1, count: 0, requests: [], silent: 0, stack: [free] };
  const stuck: LoopView = { ...idle, thread: 3, stack: ["JavaScript stack:", "  at spin (app.mjs:1:1)"] };
  assert.deepEqual(explain([idle, { ...view, thread: 2, count: 1, requests: requests.slice(0, 1) }, stuck]), [
    "  thread=2:",
    "  requests in flight:",
    "    GET /a from 10.0.0.7:5000 for 6.2 s",
    "  the event loop is free",
    "  thread=3:",
    "  no request in flight",
    "  JavaScript stack:",
    "    at spin (app.mjs:1:1)",
  ]);
  assert.deepEqual(explain([idle]), ["  no request in flight", "  the event loop is free"]);
});
