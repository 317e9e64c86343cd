import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { openLatch } from "./latch.ts";
import { ended, FIXTURES, start, within } from "./server.ts";

const APPS = join(FIXTURES, "apps.mjs");
const LOCAL = ["-b", "127.0.0.1:0"];

for (const kind of ["sync", "threaded", "eventloop"]) {
  test(`${kind}: four workers serve, and TERM ends them cleanly`, async (t) => {
    const server = start(t, [
      "-w",
      "4",
      "-k",
      kind,
      ...LOCAL,
      "--log-level",
      "debug",
      `${APPS}:pid`,
      "-p",
      "server.pid",
    ]);
    await ready(server, 4);
    const answer = await get(await server.url());
    assert.equal(answer.status, 200);
    assert.ok(server.workerPids().includes(Number(answer.body)));
    await server.stop();
    assert.match(server.log(), /Handling signal: term/);
  });

  test(`${kind}: TERM lets a request in flight finish`, async (t) => {
    const latch = await openLatch();
    t.after(() => latch.close());
    const server = start(t, ["-k", kind, ...LOCAL, "--log-level", "debug", `${APPS}:hold`], {
      env: { LATCH: latch.path },
    });
    await ready(server, 1);
    const answer = get(await server.url("/hold"));
    const held = await latch.held();
    server.signal("SIGTERM");
    await server.saw(/Handling signal: term/);
    held.release();
    assert.deepEqual(await answer, { status: 200, body: "released\n", connection: "close" });
    await server.stop();
  });

  test(`${kind}: HUP brings in the new code while a request of the old one finishes`, async (t) => {
    const latch = await openLatch();
    t.after(() => latch.close());
    const app = (version: number): string => `
      import net from "node:net";
      export const app = (req, res) => {
        if (req.url !== "/hold") return res.end("version ${version}");
        net.connect(process.env.LATCH).on("close", () => res.end("held ${version}")).resume();
      };`;
    const server = start(t, ["-w", "2", "-k", kind, ...LOCAL, "--log-level", "debug", "app.mjs:app"], {
      files: { "app.mjs": app(1) },
      env: { LATCH: latch.path },
    });
    await ready(server, 2);
    const answer = get(await server.url("/hold"));
    const held = await latch.held();
    writeFileSync(join(server.dir, "app.mjs"), app(2));
    server.signal("SIGHUP");
    await server.saw(/Reload complete: generation 2/);
    // The old one has been told to drain, and may take a last one before it hears of it.
    let body = "";
    do body = (await get(await server.url())).body;
    while (body === "version 1");
    assert.equal(body, "version 2");
    held.release();
    assert.equal((await answer).body, "held 1");
    await server.stop();
  });
}

test("HUP with a broken application keeps the old one, with the same workers", async (t) => {
  const server = start(t, ["-w", "2", ...LOCAL, "--log-level", "debug", "app.mjs:app"], {
    files: { "app.mjs": "export const app = (req, res) => res.end(String(process.pid));" },
    expected: [/Reload aborted/],
  });
  await ready(server, 2);
  const before = server.workerPids();
  for (const [round, broken] of [
    "export const app = (",
    "throw new Error('at import')",
    "process.exit(7)",
  ].entries()) {
    writeFileSync(join(server.dir, "app.mjs"), broken);
    server.signal("SIGHUP");
    await server.saw(/Reload aborted, generation 1 serves on/, round + 1);
    const answer = await get(await server.url());
    assert.ok(before.includes(Number(answer.body)), server.log());
  }
  writeFileSync(join(server.dir, "app.mjs"), "export const app = (req, res) => res.end('mended');");
  server.signal("SIGHUP");
  await server.saw(/Reload complete: generation 5/);
  assert.equal((await get(await server.url())).body, "mended");
  await server.stop();
});

test("HUP with a wrong configuration keeps the old one and names the mistake", async (t) => {
  const config = (text: string): string =>
    `export default { bind: ["127.0.0.1:0"], loglevel: "debug", ${text} };`;
  const server = start(t, [`${APPS}:pid`], {
    files: { "gunicorn.conf.mjs": config("workers: 2") },
    expected: [/Reload aborted/],
  });
  await ready(server, 2);
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), config("workers: 'many'"));
  server.signal("SIGHUP");
  await server.saw(/Reload aborted, generation 1 serves on: .*gunicorn\.conf\.mjs: workers: .*many/);
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), config("workers: 3"));
  server.signal("SIGHUP");
  await server.saw(/Reload complete: generation 2 serves with 3 worker/);
  assert.equal((await get(await server.url())).status, 200);
  await server.stop();
});

test("a configuration that never answers is given up, and the next reload gets its turn", async (t) => {
  const config = (values: string, text = ""): string =>
    `export default async () => { ${text} return { bind: ["127.0.0.1:0"], loglevel: "debug", ${values} }; };`;
  // No worker has to boot within the time that the configuration has.
  const server = start(t, [`${APPS}:pid`], {
    files: { "gunicorn.conf.mjs": config("workers: 0, bootTimeout: 3") },
    expected: [/There are no workers/, /Reload aborted/],
  });
  await server.saw(/There are no workers/);
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), config("", "await new Promise(() => {});"));
  server.signal("SIGHUP");
  await server.saw(/Reload aborted.*did not answer within 3 s/);
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), config("workers: 1"));
  server.signal("SIGHUP");
  await server.saw(/Reload complete: generation 2 serves with 1 worker/);
  await server.stop();
});

test("a killed worker is replaced", async (t) => {
  const server = start(t, ["-w", "2", ...LOCAL, "--log-level", "debug", `${APPS}:pid`], {
    expected: [/Worker died: .* SIGKILL/],
  });
  await ready(server, 2);
  const [first] = server.workerPids();
  assert.ok(first !== undefined);
  server.signal("SIGKILL", first);
  await ready(server, 3);
  assert.equal(server.count(/Worker died/), 1);
  await server.stop();
});

test("a worker that ends by itself is replaced, with back-off", async (t) => {
  const server = start(t, [...LOCAL, "-k", "eventloop", "--log-level", "debug", `${APPS}:hazard`], {
    expected: [/Worker died: .* exited with code (9|1)/, /Uncaught exception/],
  });
  await ready(server, 1);
  await assert.rejects(get(await server.url("/exit")));
  await ready(server, 2);
  await assert.rejects(get(await server.url("/later")));
  await ready(server, 3);
  assert.match(server.log(), /thrown outside of the handler\s+at .*apps\.mjs:\d+/);
  assert.equal((await get(await server.url("/"))).status, 200);
  await server.stop();
});

test("a request that throws costs nobody else anything", async (t) => {
  const server = start(t, [...LOCAL, "-k", "eventloop", "--log-level", "debug", `${APPS}:hazard`], {
    expected: [/Error handling request/, /thrown (in the handler|after the head)/],
  });
  await ready(server, 1);
  assert.equal((await get(await server.url("/throw"))).status, 500);
  await assert.rejects(get(await server.url("/half")), "an answer begun and failed is never completed");
  assert.equal((await get(await server.url("/"))).status, 200);
  assert.match(server.log(), /thrown in the handler[\s\S]*apps\.mjs:\d+/);
  assert.equal(server.workerPids().length, 1);
  await server.stop();
});

test("a worker whose loop is stuck is killed after the timeout and replaced", async (t) => {
  const server = start(
    t,
    [...LOCAL, "-k", "eventloop", "-t", "1", "--log-level", "debug", `${APPS}:hazard`],
    {
      expected: [/WORKER TIMEOUT/, /Event loop stuck/, /Killing worker/],
    },
  );
  await ready(server, 1);
  await assert.rejects(get(await server.url("/loop")));
  await ready(server, 2);
  assert.equal((await get(await server.url("/"))).status, 200);
  await server.stop();
});

test("TTIN and TTOU move the fleet, WINCH empties it, HUP fills it again", async (t) => {
  const server = start(t, [...LOCAL, "-w", "1", "--log-level", "debug", `${APPS}:pid`], {
    expected: [/TTOU ignored/],
  });
  await ready(server, 1);
  server.signal("SIGTTIN");
  await ready(server, 2);
  server.signal("SIGTTOU");
  await server.saw(/Worker exited/, 1);
  server.signal("SIGTTOU");
  await server.saw(/TTOU ignored/);
  server.signal("SIGWINCH");
  await server.saw(/Worker exited/, 2);
  // The sockets are kept: a client waits in the kernel's queue until there are workers again.
  const answer = get(await server.url());
  server.signal("SIGHUP");
  assert.equal((await answer).status, 200);
  await server.stop();
});

test("INT cuts what is in flight, and the server is gone at once", async (t) => {
  const latch = await openLatch();
  t.after(() => latch.close());
  const server = start(t, ["-k", "eventloop", ...LOCAL, "--log-level", "debug", `${APPS}:hold`], {
    env: { LATCH: latch.path },
  });
  await ready(server, 1);
  const answer = assert.rejects(get(await server.url("/hold")));
  await latch.held();
  server.signal("SIGINT");
  await answer;
  await server.stop();
});

test("signals in any order while it boots and stops", async (t) => {
  const server = start(t, ["-w", "2", ...LOCAL, "--log-level", "debug", `${APPS}:pid`], {
    expected: [/ignored/, /no workers/],
  });
  await server.saw(/Booting worker/);
  for (const name of ["SIGHUP", "SIGTTIN", "SIGUSR1", "SIGHUP", "SIGTTOU", "SIGWINCH", "SIGHUP"] as const) {
    server.signal(name);
  }
  await server.saw(/Handling signal: winch/);
  server.signal("SIGTERM");
  server.signal("SIGHUP");
  server.signal("SIGTERM");
  await server.stop();
});

test("workers outlive a killed arbiter only to finish what they had begun", async (t) => {
  const latch = await openLatch();
  t.after(() => latch.close());
  const server = start(t, ["-w", "2", "-k", "eventloop", ...LOCAL, "--log-level", "debug", `${APPS}:hold`], {
    env: { LATCH: latch.path },
  });
  await ready(server, 2);
  const answer = get(await server.url("/hold"));
  const held = await latch.held();
  server.signal("SIGKILL");
  await server.saw(/arbiter is gone/i, 2);
  held.release();
  assert.equal((await answer).body, "released\n");
  // stderr closes when the last worker has exited.
  assert.deepEqual(await within(server.exited, "the workers' exit", server.log), {
    code: null,
    signal: "SIGKILL",
  });
  for (const pid of server.workerPids()) await ended(pid);
});
