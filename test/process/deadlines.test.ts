// Requests that take too long or are slow, while their worker's loop is free.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { openLatch } from "./latch.ts";
import { FIXTURES, start } from "./server.ts";

const LIMITS = join(FIXTURES, "limits.mjs");
const COMMON = ["-b", "127.0.0.1:0", "--log-level", "debug"];
const KINDS = ["sync", "eventloop"];
const INTERFACES = ["node", "fetch", "wsgi", "asgi"];
/** How an application hears of it: by a signal, or by what it receives. */
const TOLD = /told: (TimeoutError|http\.disconnect)/;

for (const kind of KINDS) {
  for (const name of INTERFACES) {
    const args = [...COMMON, "-k", kind, "--interface", name];

    test(`${kind}, ${name}: a request out of time is told, gets 504, and the worker serves on`, async (t) => {
      const server = start(t, [...args, "--request-timeout", "0.2", `${LIMITS}:${name}`], {
        expected: [
          /Request timeout \(worker=1 gen=1 pid=\d+\): GET \/never took \d+\.\d+ s, it is answered with 504/,
        ],
      });
      await ready(server, 1);
      const answer = await get(await server.url("/never"));
      assert.deepEqual(answer, { status: 504, body: "Gateway Timeout\n", connection: "close" });
      await server.saw(TOLD);
      await server.saw(/wrote late/);
      assert.equal((await get(await server.url("/"))).body, "hello");
      await server.stop();
      assert.equal(server.workerPids().length, 1);
    });

    test(`${kind}, ${name}: an answer that has begun is cut`, async (t) => {
      const server = start(t, [...args, "--request-timeout", "0.2", `${LIMITS}:${name}`], {
        expected: [/Request timeout .*: GET \/begun took \d+\.\d+ s, its answer is cut/],
      });
      await ready(server, 1);
      await assert.rejects(get(await server.url("/begun")));
      await server.saw(TOLD);
      await server.saw(/wrote late/);
      assert.equal((await get(await server.url("/"))).body, "hello");
      await server.stop();
      assert.equal(server.workerPids().length, 1);
    });

    test(`${kind}, ${name}: an application may ask for more time, and is slow all the same`, async (t) => {
      const latch = await openLatch();
      t.after(() => latch.close());
      const limits = ["--request-timeout", "2", "--slow-request", "2.5"];
      const server = start(t, [...args, ...limits, `${LIMITS}:${name}`], {
        env: { LATCH: latch.path },
        expected: [/Slow request: GET \/more/],
      });
      await ready(server, 1);
      const answer = get(await server.url("/more"));
      await server.saw(/extended: true/);
      const held = await latch.held();
      const [block] = await server.saw(/Slow request: GET \/more .*\n.*\n.*\n.*/);
      assert.match(block, /^Slow request: GET \/more for \d+\.\d+ s: worker=1 gen=1 pid=\d+$/m);
      assert.match(block, /^ {2}requests in flight:\n {4}GET \/more from 127\.0\.0\.1:\d+ for \d+\.\d+ s$/m);
      assert.match(block, /^ {2}the event loop is free: the request waits for something$/m);
      held.release();
      assert.deepEqual([(await answer).status, (await answer).body], [200, "in time"]);
      assert.equal(server.count(/Slow request/), 1);
      await server.stop();
    });
  }
}

test("Express's requests have the signal, whatever their prototype", async (t) => {
  const server = start(t, [...COMMON, "-k", "eventloop", "--request-timeout", "0.2", "app.mjs:app"], {
    files: {
      "app.mjs": `
        import { createRequire } from "node:module";
        const express = createRequire(${JSON.stringify(join(FIXTURES, "x.js"))})("express");
        const inner = express();
        inner.get("/never", (req, res) => {
          req.signal.addEventListener("abort", () => {
            process.stderr.write("told: " + req.signal.reason.name + "\\n");
            res.status(503).json({ late: true });
          });
        });
        inner.get("/own", (req, res) => { req.signal = "mine"; res.send(req.signal); });
        export const app = (req, res) => inner(req, res);`,
    },
    expected: [/Request timeout/],
  });
  await ready(server, 1);
  // What it answers on being told is its answer.
  assert.equal((await get(await server.url("/never"))).status, 503);
  await server.saw(/told: TimeoutError/);
  assert.equal((await get(await server.url("/own"))).body, "mine");
  await server.stop();
});

test("many slow requests are told of together", async (t) => {
  const latch = await openLatch();
  t.after(() => latch.close());
  const server = start(t, [...COMMON, "-k", "eventloop", "--slow-request", "1", `${LIMITS}:node`], {
    env: { LATCH: latch.path },
    expected: [/low request/],
  });
  await ready(server, 1);
  const url = await server.url("/hold");
  const answers = Array.from({ length: 30 }, () => get(url));
  const held = await Promise.all(answers.map(() => latch.held()));
  await server.saw(/low requests?[,:]/);
  for (const one of held) one.release();
  for (const answer of answers) assert.equal((await answer).body, "held");
  await server.stop();
  const told = [...server.log().matchAll(/(\d+) slow requests|Slow request:/g)];
  assert.equal(told.reduce((sum, [, many]) => sum + Number(many ?? 1), 0) <= 30, true);
});
