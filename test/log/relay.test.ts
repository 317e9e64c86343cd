import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { relayDestination } from "../../src/log/relay.ts";

test("lines are handed on together, in order, and records of several lines stay whole", () => {
  const handed: (readonly string[])[] = [];
  const relay = relayDestination((lines) => handed.push(lines));
  relay.write("one");
  relay.write("two\nof two lines");
  assert.deepEqual(handed, []);
  relay.flush();
  relay.flush();
  assert.deepEqual(handed, [["one", "two\nof two lines"]]);
  relay.close();
  assert.equal(handed.length, 1);
});

test("many lines wait for nothing, few lines for a moment, and none is left behind at the end", async () => {
  let heard: (lines: readonly string[]) => void = () => assert.fail("handed on too early");
  const relay = relayDestination((lines) => heard(lines));
  for (let i = 1; i < 512; i++) relay.write(String(i));
  const many = new Promise<number>((resolve) => {
    heard = (lines) => resolve(lines.length);
  });
  relay.write("512");
  assert.equal(await many, 512);
  const few = new Promise<readonly string[]>((resolve) => {
    heard = resolve;
  });
  // The relay's own timer keeps no process alive.
  const alive = setInterval(() => undefined, 1_000_000);
  relay.write("few");
  assert.deepEqual(await few, ["few"]);
  clearInterval(alive);
  const last = new Promise<readonly string[]>((resolve) => {
    heard = resolve;
  });
  relay.write("last");
  relay.close();
  assert.deepEqual(await last, ["last"]);
});

test("what is written at the exit itself is handed on at once", async () => {
  const relay = JSON.stringify(new URL("../../src/log/relay.js", import.meta.url));
  const source = `
    import { parentPort } from "node:worker_threads";
    import { relayDestination } from ${relay};
    const relay = relayDestination((lines) => parentPort.postMessage(lines));
    process.on("exit", () => relay.write("at the exit"));
    relay.write("before");
    process.exit(0);`;
  const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
  const handed: unknown[] = [];
  thread.on("message", (lines) => handed.push(lines));
  await once(thread, "exit");
  assert.deepEqual(handed, [["before"], ["at the exit"]]);
});
