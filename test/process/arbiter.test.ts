// What the arbiter survives: whoever is served is not to notice.

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readlinkSync, renameSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { FIXTURES, start, within } from "./server.ts";

const APPS = join(FIXTURES, "apps.mjs");

const config = (values: string, before = ""): string =>
  `${before}\nexport default { workers: 2, bind: ["127.0.0.1:0"], loglevel: "debug", ${values} };`;

for (const [what, broken, told] of [
  [
    "a program that is gone",
    config("", "process.execPath = '/nowhere/node';"),
    /spawn \/nowhere\/node ENOENT/,
  ],
  ["an environment too large", config("rawEnv: { LARGE: 'x'.repeat(300_000) }"), /E2BIG/],
] as const) {
  test(`workers that can't be started: ${what}`, async (t) => {
    const server = start(t, [`${APPS}:pid`], {
      files: { "gunicorn.conf.mjs": config("", `process.execPath = ${JSON.stringify(process.execPath)};`) },
      expected: [/Reload aborted/],
    });
    await ready(server, 2);
    const workers = server.workerPids();
    const good = config("", `process.execPath = ${JSON.stringify(process.execPath)};`);
    writeFileSync(join(server.dir, "gunicorn.conf.mjs"), broken);
    server.signal("SIGHUP");
    const [line] = await server.saw(/Reload aborted, generation 1 serves on: A worker can't be started.*/);
    assert.match(line, told);
    assert.ok(workers.includes(Number((await get(await server.url())).body)));
    writeFileSync(join(server.dir, "gunicorn.conf.mjs"), good);
    server.signal("SIGHUP");
    await server.saw(/Reload complete: generation 3 serves with 2 worker/);
    await server.stop();
  });
}

test("a configuration that ends the process is refused by a reload", async (t) => {
  const server = start(t, [`${APPS}:pid`], {
    files: { "gunicorn.conf.mjs": config("") },
    expected: [/Reload aborted/],
  });
  await ready(server, 2);
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), "process.exit(7);\nexport default {};");
  server.signal("SIGHUP");
  await server.saw(/Reload aborted, generation 1 serves on: gunicorn\.conf\.mjs:1: .*process\.exit\(7\)/);
  assert.equal((await get(await server.url())).status, 200);
  await server.stop();
});

test("a configuration's function that fails after it was called", async (t) => {
  const late = "onReload() { setTimeout(() => { throw new Error('too late'); }); },";
  const server = start(t, [`${APPS}:pid`], {
    files: { "gunicorn.conf.mjs": config(late, "Promise.reject(new Error('unheard'));") },
    expected: [/Nobody caught an exception in the arbiter's process, which serves on/],
  });
  await ready(server, 2);
  await server.saw(/Error: unheard/);
  server.signal("SIGHUP");
  await server.saw(/Error: too late/);
  await server.saw(/Reload complete: generation 2 serves with 2 worker/);
  assert.equal((await get(await server.url())).status, 200);
  await server.stop();
});

test("a reload that is aborted leaves directory and title as they were", async (t) => {
  const server = start(t, [`${APPS}:pid`], {
    files: {
      "gunicorn.conf.mjs": config("procName: 'first'"),
      "elsewhere/README": "",
    },
    expected: [/Reload aborted/, /Worker died/],
  });
  await ready(server, 2);
  const directory = (): string => readlinkSync(`/proc/${server.pid}/cwd`);
  const before = directory();
  for (const [round, wrong] of [
    "postWorkerInit() { throw new Error('no'); }",
    "bind: ['203.0.113.1:1']",
  ].entries()) {
    const text = config(`procName: 'second', chdir: 'elsewhere', ${wrong}`);
    writeFileSync(join(server.dir, "gunicorn.conf.mjs"), text);
    server.signal("SIGHUP");
    await server.saw(/Reload aborted/, round + 1);
    assert.equal(directory(), before);
  }
  // Its replacement is one of the old configuration.
  server.signal("SIGKILL", server.workerPids()[0]);
  await server.saw(/Ready worker=\d+ gen=1/, 3);
  await server.stop();
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} while it waits for an address leaves nothing behind`, async (t) => {
    const other = net.createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    t.after(() => other.close());
    const address = other.address();
    assert.ok(typeof address === "object" && address !== null);
    const args = ["-b", "unix:app.sock", "-b", `127.0.0.1:${address.port}`, "-p", "app.pid", `${APPS}:pid`];
    const server = start(t, args);
    await server.saw(/Retrying in 1 second/);
    assert.deepEqual(readdirSync(server.dir).sort(), ["app.pid", "app.sock"]);
    server.signal(signal);
    assert.deepEqual(await within(server.exited, "the exit", server.log), { code: 0, signal: null });
    assert.deepEqual(readdirSync(server.dir), []);
  });
}

test("USR1 where the logs' directory has moved away", async (t) => {
  const server = start(
    t,
    ["-b", "127.0.0.1:0", "--log-level", "debug", "--access-logfile", "logs/access.log", `${APPS}:pid`],
    { files: { "logs/README": "" }, expected: [/logs\/access\.log/], leaves: ["moved"] },
  );
  await ready(server, 1);
  renameSync(join(server.dir, "logs"), join(server.dir, "moved"));
  server.signal("SIGUSR1");
  await server.saw(/ERROR.*logs\/access\.log/);
  assert.equal((await get(await server.url())).status, 200);
  mkdirSync(join(server.dir, "logs"));
  server.signal("SIGUSR1");
  await server.saw(/Handling signal: usr1/, 2);
  assert.equal((await get(await server.url())).status, 200);
  await server.stop();
});
