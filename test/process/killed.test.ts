// Workers that do not finish within gracefulTimeout: the log says what they were at when they were killed.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { openLatch } from "./latch.ts";
import { FIXTURES, start } from "./server.ts";

const LIMITS = join(FIXTURES, "limits.mjs");
const COMMON = ["-b", "127.0.0.1:0", "-w", "1", "--graceful-timeout", "2", "--log-level", "debug"];
const KILLED = /Killing worker=1 .*: it did not finish in time/;
/** The kill's line and what is told below it. */
const BLOCK = /Killing (worker=1 gen=1 pid=\d+: it did not finish in time\n(?: {2}.*\n)*)/;

for (const kind of ["eventloop", "threaded"]) {
  test(`${kind}: a reload kills who does not finish, and says which requests that ends`, async (t) => {
    const latch = await openLatch();
    t.after(() => latch.close());
    const server = start(t, [...COMMON, "-k", kind, `${LIMITS}:node`], {
      env: { LATCH: latch.path },
      expected: [KILLED],
    });
    await ready(server, 1);
    const lost = assert.rejects(get(await server.url("/hold")));
    await latch.held();
    server.signal("SIGHUP");
    const [, block = ""] = await server.saw(BLOCK);
    await lost;
    await server.saw(/Reload complete/);
    assert.match(block, /\n {2}requests in flight:\n {4}GET \/hold from 127\.0\.0\.1:\d+ for \d+\.\d+ s\n/);
    await server.stop();
  });
}

const SPINS = {
  "app.mjs": `
  function spin() { for (;;); }
  import { readFileSync } from "node:fs";
  export function app(req, res) {
    process.stderr.write("it spins\\n");
    if (req.url === "/loop") spin();
    else readFileSync("fifo");
  }`,
};

for (const [kind, signal, told] of [
  ["eventloop", "SIGTERM", true],
  ["threaded", "SIGTERM", true],
  ["eventloop", "SIGINT", false],
] as const) {
  const what = told ? "says where its loop is stuck" : "does not wait for that";
  test(`${kind}: ${signal} with a loop without end: the kill ${what}`, async (t) => {
    const args = [...COMMON, "-k", kind, "app.mjs:app"];
    const server = start(t, args, { files: SPINS, expected: [KILLED] });
    await ready(server, 1);
    const lost = assert.rejects(get(await server.url("/loop")));
    await server.saw(/it spins/);
    server.signal(signal);
    const [, block = ""] = await server.saw(BLOCK);
    await lost;
    if (told)
      assert.match(block, /\n {4}GET \/loop from .*\n {2}JavaScript stack:\n {4}at spin \(.*app\.mjs:2:/);
    else assert.doesNotMatch(block, /requests/);
    await server.stop();
  });
}

for (const kind of ["eventloop", "threaded"]) {
  test(`${kind}: the kill of who is stuck in native code says that`, async (t) => {
    const args = [...COMMON, "-k", kind, "app.mjs:app"];
    const server = start(t, args, { files: SPINS, expected: [KILLED], leaves: ["fifo"] });
    execFileSync("mkfifo", [join(server.dir, "fifo")]);
    await ready(server, 1);
    const lost = assert.rejects(get(await server.url("/native")));
    await server.saw(/it spins/);
    server.signal("SIGTERM");
    const [, block = ""] = await server.saw(BLOCK);
    await lost;
    assert.match(block, /\n {4}GET \/native from .*\n {2}blocked in native code/);
    await server.stop();
  });
}
