import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import http from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { get, ready } from "./client.ts";
import { openLatch } from "./latch.ts";
import { startLoad } from "./load.ts";
import { ended, FIXTURES, type Server, type StartOptions, start, within } from "./server.ts";
import { DOES_TELL } from "./tells.ts";

const APPS = join(FIXTURES, "apps.mjs");
const LOCAL = ["-b", "127.0.0.1:0", "--log-level", "debug"];

/** Each path does one thing to the thread that it comes to, and says so before. */
const THREADS = `
import fs from "node:fs";
import net from "node:net";
import { threadId } from "node:worker_threads";
export const app = (req, res) => {
  const [, what, name] = req.url.split("/");
  if (what !== "") fs.writeSync(2, "doing " + req.url + "\\n");
  if (what === "loop") for (;;);
  if (what === "hold") return void net.connect(process.env.LATCH).on("close", () => res.end("released")).resume();
  if (what === "fifo") fs.readFileSync(name);
  if (what === "exit") process.exit(9);
  if (what === "later") return void setImmediate(() => { throw new Error("thrown outside of the handler"); });
  if (what === "forget") return void Promise.reject(new Error("a promise that nobody has"));
  res.end(process.pid + " " + threadId);
};`;

function serve(t: TestContext, args: readonly string[], options: StartOptions = {}): Server {
  return start(t, [...LOCAL, ...args, "app.mjs:app"], { files: { "app.mjs": THREADS }, ...options });
}

test("--threads alone makes workers threaded, and they take as many blocking requests at once", async (t) => {
  const server = serve(t, ["--threads", "4"], { leaves: ["0", "1", "2", "3"] });
  await ready(server, 1);
  assert.match(server.log(), /Using worker: threaded/);
  const fifos = [0, 1, 2, 3].map((name) => join(server.dir, String(name)));
  for (const path of fifos) execFileSync("mkfifo", [path]);
  const url = await server.url("/fifo/");
  const answers: ReturnType<typeof get>[] = [];
  for (const name of fifos.keys()) {
    answers.push(get(`${url}${name}`));
    await server.saw(/doing \/fifo/, name + 1);
  }
  for (const path of fifos) await writeFile(path, "go");
  const bodies = (await Promise.all(answers)).map(({ body }) => body.split(" "));
  assert.deepEqual([...new Set(bodies.map(([pid]) => Number(pid)))], server.workerPids());
  assert.equal(new Set(bodies.map(([, thread]) => thread)).size, 4);
  await server.stop();
});

for (const keepAlive of [true, false]) {
  test(`a stuck thread is told of and ended, its siblings lose nothing: keep-alive ${keepAlive}`, async (t) => {
    // The end does not wait for the stack on a busy machine.
    for (let attempt = 1; ; attempt++) {
      const server = serve(t, ["--threads", "4", "-t", "2"], { expected: [/Thread stuck/] });
      await ready(server, 1);
      const lost = assert.rejects(get(await server.url("/loop")));
      await server.saw(/doing \/loop/);
      const load = startLoad([await server.url("/")], { clients: 2, keepAlive });
      await lost;
      await server.saw(/Worker exited/);
      await load.more(20);
      await load.stop();
      assert.deepEqual(load.failures, []);
      assert.equal(
        server.count(/Thread stuck for \d+\.\d s, it is ended: worker=1 gen=1 pid=\d+ thread=\d/),
        1,
      );
      await server.stop();
      const block =
        /requests in flight:\n {4}GET \/loop from 127\.0\.0\.1:\d+ for \d+\.\d\d? s\n {2}JavaScript stack:\n {4}at app \(.*app\.mjs:8:\d+\)/;
      if (!block.test(server.log()) && attempt < 5) continue;
      assert.match(server.log(), block);
      assert.match(server.log(), /thread \d was stuck[\s\S]*Ready worker=1 gen=1[\s\S]*Worker exited/);
      return;
    }
  });
}

for (const threads of [1, 2]) {
  test(`a thread of ${threads} that is blocked in native code is told of, and its process ends without it`, async (t) => {
    const server = serve(t, ["-k", "threaded", "--threads", `${threads}`, "-t", "2"], {
      expected: [/Thread stuck/, /does not end/, /Worker left: .* SIGKILL/],
      leaves: ["fifo"],
    });
    await ready(server, 1);
    const [pid = 0] = server.workerPids();
    execFileSync("mkfifo", [join(server.dir, "fifo")]);
    const lost = assert.rejects(get(await server.url("/fifo/fifo")));
    const doing = DOES_TELL ? " \\(openat of fifo\\)," : "";
    await server.saw(
      new RegExp(`Thread stuck[\\s\\S]*GET /fifo/fifo[\\s\\S]*blocked in native code${doing}`),
    );
    assert.equal((await get(await server.url("/"))).status, 200);
    await server.saw(/Thread \d does not end: the worker ends itself by SIGKILL\n[\s\S]*Worker left/);
    await lost;
    await ended(pid);
    // The replacement does not wait for that.
    const replaced =
      threads === 1 ? /Leaving [^\n]*: no thread is left that serves\n/ : /thread \d was stuck\n/;
    assert.match(server.log(), new RegExp(`${replaced.source}[\\s\\S]*Booting[\\s\\S]*Worker left`));
    await server.stop();
  });
}

test("a slow request that blocks its thread is told of with its stack, and lives", async (t) => {
  const app = `
    import { existsSync } from "node:fs";
    const hold = new Int32Array(new SharedArrayBuffer(4));
    export const app = (req, res) => { while (!existsSync("go")) Atomics.wait(hold, 0, 0, 5); res.end("late"); };`;
  for (let attempt = 1; ; attempt++) {
    const server = serve(t, ["--threads", "2", "--slow-request", "0.2"], {
      files: { "app.mjs": app },
      expected: [/Slow request/],
      leaves: ["go"],
    });
    await ready(server, 1);
    const answer = get(await server.url("/slow"));
    const [block] = await server.saw(/Slow request: .*\n(?: {2}.*\n)*/);
    await writeFile(join(server.dir, "go"), "");
    assert.equal((await answer).body, "late");
    await server.stop();
    assert.equal(server.count(/Slow request: /), 1);
    // A capture has its patience.
    if (!block.includes("at app (") && attempt < 5) continue;
    assert.match(
      server.log(),
      /Slow request: .*\/slow.* for \d+\.\d+ s[^\n]*thread=\d\n[\s\S]*?at app \(.*app\.mjs:4:\d+\)/,
    );
    return;
  }
});

for (const [path, told] of [
  ["/exit", /Thread \d of the worker exited with code 9: process\.exit\(\)/],
  [
    "/later",
    /Uncaught exception, thread \d of the worker ends\nError: thrown outside of the handler\n\s+at .*app\.mjs:12:\d+/,
  ],
  [
    "/forget",
    /Uncaught exception, thread \d of the worker ends\nError: a promise that nobody has\n\s+at app .*app\.mjs:13:\d+/,
  ],
] as const) {
  test(`a thread that ends by itself (${path}) costs its siblings nothing`, async (t) => {
    const latch = await openLatch();
    t.after(() => latch.close());
    const server = serve(t, ["--threads", "3"], {
      env: { LATCH: latch.path },
      expected: [/Uncaught exception/, /process\.exit/],
    });
    await ready(server, 1);
    const answer = get(await server.url("/hold"));
    const held = await latch.held();
    await assert.rejects(get(await server.url(path)));
    await ready(server, 2);
    held.release();
    assert.equal((await answer).body, "released");
    await server.saw(/Worker exited/);
    assert.match(server.log(), told);
    assert.equal((await get(await server.url("/"))).status, 200);
    await server.stop();
  });
}

test("a process whose last thread has ended is replaced at once", async (t) => {
  const server = serve(t, ["-k", "threaded"], { expected: [/process\.exit/, /Worker died/] });
  await ready(server, 1);
  await assert.rejects(get(await server.url("/exit")));
  await ready(server, 2);
  assert.equal((await get(await server.url("/"))).status, 200);
  await server.stop();
});

for (const [text, status] of [
  ["throw new Error('at import')", 4],
  ["process.exit(7)", 3],
  [
    "setImmediate(() => { throw new Error('at import') }); await new Promise(() => setInterval(() => {}, 1e6));",
    3,
  ],
] as const) {
  test(`an application that does not load ends the first start, and is told of once: ${text}`, async (t) => {
    const server = serve(t, ["--threads", "4"], { files: { "app.mjs": text } });
    const exit = await within(server.exited, "the exit", server.log);
    assert.deepEqual(exit, { code: status, signal: null }, server.log());
    assert.equal(server.count(/Error: at import|exited with code 7/), 1, server.log());
  });
}

test("a thread that blocks the start is told of", async (t) => {
  const app = `
    import { threadId } from "node:worker_threads";
    if (threadId === 2) for (;;);
    export const app = (req, res) => res.end();`;
  // The kill does not wait for what is to be told.
  for (let attempt = 1; ; attempt++) {
    const server = serve(t, ["--threads", "2", "--boot-timeout", String(4 * attempt)], {
      files: { "app.mjs": app },
    });
    const exit = await within(server.exited, "the exit", server.log);
    assert.equal(exit.code, 3);
    const told = /Boot blocked for \d+\.\d+ s: worker=1 gen=1 pid=\d+ thread=2\n[\s\S]*?at .*app\.mjs:3:\d+/;
    if (!told.test(server.log()) && attempt < 5) continue;
    assert.match(server.log(), told);
    return;
  }
});

test("HUP under load loses nothing", async (t) => {
  const server = serve(t, ["-w", "2", "--threads", "3"]);
  await ready(server, 2);
  const url = await server.url();
  const loads = [true, false].map((keepAlive) => startLoad([url], { clients: 4, keepAlive }));
  for (let generation = 2; generation < 5; generation++) {
    server.signal("SIGHUP");
    await server.saw(new RegExp(`Reload complete: generation ${generation}`));
    await loads[0]?.more(10);
  }
  for (const load of loads) {
    await load.stop();
    assert.deepEqual(load.failures, []);
  }
  await server.stop();
});

test("maxRequests counts over all threads", async (t) => {
  const server = serve(t, ["--threads", "3", "--max-requests", "12"]);
  await ready(server, 1);
  const url = await server.url();
  const pids: string[] = [];
  for (let i = 0; i < 11; i++) pids.push((await get(url)).body.split(" ")[0] ?? "");
  assert.equal(new Set(pids).size, 1);
  assert.equal(server.count(/Recycling/), 0);
  await get(url);
  await server.saw(/Recycling worker=1 .*: it has taken 12 requests/);
  await server.saw(/Worker exited/);
  assert.notEqual((await get(url)).body.split(" ")[0], pids[0]);
  await server.stop();
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`no line of a thread's access log is lost by ${signal}`, async (t) => {
    const server = serve(t, ["--threads", "3", "--access-logfile", "access.log"], { leaves: ["access.log"] });
    await ready(server, 1);
    const url = await server.url("/");
    for (let i = 0; i < 60; i++) await get(url);
    server.signal(signal);
    await within(server.exited, "the exit", server.log);
    const lines = readFileSync(join(server.dir, "access.log"), "utf8").trimEnd().split("\n");
    assert.equal(lines.length, 60);
    await server.stop();
  });
}

test("an idle connection holds no thread, nor TERM", async (t) => {
  const server = serve(t, ["-k", "gthread", "--keep-alive", "60"]);
  await ready(server, 1);
  const agents = Array.from({ length: 20 }, () => new http.Agent({ keepAlive: true }));
  t.after(() => {
    for (const agent of agents) agent.destroy();
  });
  for (const agent of agents) assert.equal((await get(await server.url(), agent)).connection, "keep-alive");
  for (const agent of agents) assert.equal((await get(await server.url(), agent)).status, 200);
  const began = performance.now();
  await server.stop();
  assert.ok(performance.now() - began < 10_000, "the idle connections held it up");
});

test("threads outlive a killed arbiter only to finish what they had begun", async (t) => {
  const latch = await openLatch();
  t.after(() => latch.close());
  const server = start(t, ["--threads", "2", ...LOCAL, `${APPS}:hold`], { env: { LATCH: latch.path } });
  await ready(server, 1);
  const answer = get(await server.url("/hold"));
  const held = await latch.held();
  server.signal("SIGKILL");
  await server.saw(/arbiter is gone/i);
  held.release();
  assert.equal((await answer).body, "released\n");
  await within(server.exited, "the worker's exit", server.log);
  for (const pid of server.workerPids()) await ended(pid);
});

test("hooks: postWorkerInit and those of requests in each thread, the others once in the process", async (t) => {
  const config = `
    import { appendFileSync } from "node:fs";
    const note = (name, worker) => appendFileSync(new URL("notes", import.meta.url), name + " " + (worker.thread ?? "process") + "\\n");
    export default {
      bind: ["127.0.0.1:0"], loglevel: "debug", threads: 2,
      postFork: (server, worker) => note("postFork", worker),
      postWorkerInit: (worker) => note("postWorkerInit", worker),
      preRequest: (worker) => note("preRequest", { thread: typeof worker.thread }),
      workerExit: (server, worker) => note("workerExit", worker),
    };`;
  const server = start(t, [`${APPS}:pid`], { files: { "gunicorn.conf.mjs": config }, leaves: ["notes"] });
  await ready(server, 1);
  await get(await server.url());
  await server.stop();
  const notes = readFileSync(join(server.dir, "notes"), "utf8").trimEnd().split("\n");
  assert.deepEqual(
    [notes[0], notes.slice(1, 3).sort(), notes.slice(3)],
    [
      "postFork process",
      ["postWorkerInit 1", "postWorkerInit 2"],
      ["preRequest number", "workerExit process"],
    ],
  );
});

test("wsgi.multithread is true", async (t) => {
  const app = `export const app = (environ, start) => { start("200 OK", []); return [String(environ["wsgi.multithread"])]; };`;
  const server = serve(t, ["--threads", "2", "--interface", "wsgi"], { files: { "app.mjs": app } });
  await ready(server, 1);
  assert.equal((await get(await server.url())).body, "true");
  await server.stop();
});

test("several sockets, each served by each thread", async (t) => {
  const server = serve(t, ["--threads", "2", "-b", "127.0.0.1:0", "-b", "unix:app.sock"], { leaves: [] });
  await ready(server, 1);
  const ports = [...server.log().matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
  for (const port of new Set(ports)) {
    for (let i = 0; i < 4; i++) assert.equal((await get(`http://127.0.0.1:${port}/`)).status, 200);
  }
  const socketPath = join(server.dir, "app.sock");
  for (let i = 0; i < 4; i++) assert.equal((await get({ socketPath })).status, 200);
  await server.stop();
});
