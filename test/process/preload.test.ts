import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { start } from "./server.ts";

const ARGS = ["-w", "4", "--preload", "-b", "127.0.0.1:0", "--log-level", "debug", "app:app"];
const GOOD = "export const app = (req, res) => res.end('ok');";

test("one worker loads the application before the others start", async (t) => {
  const server = start(t, ARGS, { files: { "app.mjs": GOOD } });
  await ready(server, 4);
  const lines = server.log().match(/(?:Booting|Ready) worker/g) ?? [];
  assert.deepEqual(lines.slice(0, 2), ["Booting worker", "Ready worker"]);
  await server.stop();
});

test("a broken application fails once, at the start", async (t) => {
  const server = start(t, ARGS, { files: { "app.mjs": "throw new Error('broken');" } });
  assert.deepEqual(await server.exited, { code: 4, signal: null });
  assert.equal(server.workerPids().length, 1);
  assert.equal(server.count(/Error: broken/), 1);
});

test("a broken application fails once, in a reload of the whole fleet", async (t) => {
  const server = start(t, [...ARGS, "--reload-mode", "all"], {
    files: { "app.mjs": GOOD },
    expected: [/Reload aborted/],
  });
  await ready(server, 4);
  writeFileSync(join(server.dir, "app.mjs"), "throw new Error('broken');");
  server.signal("SIGHUP");
  await server.saw(/Reload aborted/);
  assert.equal((await get(await server.url())).body, "ok");
  assert.equal(server.workerPids().length, 5);
  assert.equal(server.count(/Error: broken/), 1);
  await server.stop();
});
