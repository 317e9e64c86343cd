// The application's own end: close() after the last answer and before workerExit.

import assert from "node:assert/strict";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { openLatch } from "./latch.ts";
import { ROOT, start } from "./server.ts";

const ARGS = ["-b", "127.0.0.1:0", "--log-level", "debug"];
const NOTE = `import { appendFileSync } from "node:fs";
const note = (text) => appendFileSync(new URL("notes", import.meta.url), text + "\\n");`;
const CONFIG = `${NOTE}
export default { workerExit: () => note("workerExit") };`;

const notes = (dir: string): string[] => readFileSync(join(dir, "notes"), "utf8").trimEnd().split("\n");

for (const kind of ["sync", "eventloop", "threaded"]) {
  test(`${kind}: close() of the application is called when the last request is answered, before workerExit`, async (t) => {
    const latch = await openLatch();
    t.after(() => latch.close());
    const app = `${NOTE}
import net from "node:net";
const fetch = (request) => new Promise((answer) => {
  net.connect(process.env.LATCH).on("close", () => { note("answer"); answer(new Response("held")); }).resume();
});
export const app = { fetch, async close() { await null; note("close " + (this === app)); } };`;
    const server = start(t, [...ARGS, "-k", kind, "app:app"], {
      files: { "app.mjs": app, "gunicorn.conf.mjs": CONFIG },
      env: { LATCH: latch.path },
      leaves: ["notes"],
    });
    await ready(server, 1);
    const answer = get(await server.url());
    const held = await latch.held();
    server.signal("SIGTERM");
    await server.saw(/Handling signal: term/);
    held.release();
    assert.equal((await answer).body, "held");
    await server.stop();
    assert.deepEqual(notes(server.dir), ["answer", "close true", "workerExit"]);
  });
}

test("Fastify's onClose hooks run", async (t) => {
  const app = `${NOTE}
import fastify from "fastify";
export const app = fastify();
app.get("/", async () => "fast");
app.addHook("onClose", async () => note("onClose"));`;
  const server = start(t, [...ARGS, "-k", "eventloop", "app:app"], {
    files: { "app.mjs": app, "gunicorn.conf.mjs": CONFIG },
    leaves: ["notes", "node_modules"],
  });
  symlinkSync(join(ROOT, "node_modules"), join(server.dir, "node_modules"));
  await ready(server, 1);
  assert.equal((await get(await server.url())).body, "fast");
  await server.stop();
  assert.deepEqual(notes(server.dir), ["onClose", "workerExit"]);
});

test("a close() that fails is logged; one that takes too long is left behind", async (t) => {
  const app = `export const broken = { fetch: () => new Response("ok"), close() { throw new Error("can't close"); } };
export const endless = { fetch: () => new Response("ok"), shutdown: () => new Promise(() => {}) };`;
  const files = { "app.mjs": app };
  const broken = start(t, [...ARGS, "app:broken"], { files, expected: [/shutdown failed/] });
  await ready(broken, 1);
  await broken.stop();
  assert.match(broken.log(), /The application's shutdown failed\s+Error: can't close/);
  const endless = start(t, [...ARGS, "--graceful-timeout", "2", "app:endless"], {
    files,
    // Its own end and the arbiter's kill are due at almost the same time.
    expected: [/takes too long/, /Killing worker=1 .* it did not finish in time/],
  });
  await ready(endless, 1);
  await endless.stop();
  assert.match(endless.log(), /The application's shutdown takes too long/);
});
