import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { checkConfig, type Probes } from "../../src/cli/check.ts";
import { fileLayer } from "../../src/config/layers.ts";
import { resolve } from "../../src/config/resolve.ts";
import { serverError } from "../../src/errors.ts";
import { directory, write } from "../config/directory.ts";

const fine: Probes = {
  tryBind: async () => {},
  findWorkerClass: async () => {},
  findTlsFlaws: async () => [],
  loadApp: async () => {},
};

async function check(cwd: string, values: Record<string, unknown>, probes: Partial<Probes> = {}) {
  const layer = fileLayer({ origin: "conf", values, exports: false });
  const resolution = resolve([layer], { cwd, file: null });
  if (!resolution.ok) return assert.fail(JSON.stringify(resolution.problems));
  const problems = await checkConfig(resolution.resolved, { ...fine, ...probes });
  return problems.map(({ origin, setting, what }) => `${origin}: ${setting}: ${what}`);
}

test("silent where all is well", async (t) => {
  const cwd = directory(t, { "app.log": "" });
  const values = { accesslog: "app.log", errorlog: "new.log", pidfile: "app.pid", user: "root", group: 0 };
  assert.deepEqual(await check(cwd, values), []);
});

test("everything that is wrong, with its origin", async (t) => {
  const cwd = directory(t);
  const found = await check(
    cwd,
    {
      accesslog: "nowhere/app.log",
      errorlog: ".",
      pidfile: "nowhere/app.pid",
      user: "no-such-user",
      group: "no-such-group",
      workerClass: "gevent",
      app: "a:b",
    },
    {
      tryBind: async () => Promise.reject(new Error("permission denied")),
      findWorkerClass: async ({ workerClass }) => Promise.reject(new Error(`no worker class ${workerClass}`)),
      loadApp: async () => Promise.reject(new Error("boom")),
    },
  );
  assert.deepEqual(found, [
    "default: bind: 127.0.0.1:8000: permission denied",
    "conf: workerClass: no worker class gevent",
    `conf: accesslog: the directory ${cwd}/nowhere does not exist`,
    `conf: errorlog: ${cwd} is a directory`,
    `conf: pidfile: the directory ${cwd}/nowhere does not exist`,
    'conf: user: no such user: "no-such-user"',
    'conf: group: no such group: "no-such-group"',
    "conf: app: boom",
  ]);
});

test("chdir must be a directory", async (t) => {
  const cwd = directory(t, { file: "" });
  assert.deepEqual(await check(cwd, { chdir: "file" }), [`conf: chdir: ${cwd}/file is no directory`]);
});

test("a pid file of another live process is told; a stale one is not", async (t) => {
  const cwd = directory(t, { "app.pid": `${process.ppid}\n` });
  assert.deepEqual(await check(cwd, { pidfile: "app.pid" }), [
    `conf: pidfile: app.pid names process ${process.ppid}, which is running`,
  ]);
  // Above the largest process number Linux hands out, so never alive.
  for (const text of ["4194305", "", "junk", "-1", "0"]) {
    write(cwd, { "app.pid": text });
    assert.deepEqual(await check(cwd, { pidfile: "app.pid" }), [], text);
  }
});

test("a running server may hold its own pid file and addresses", {
  skip: process.platform !== "linux",
}, async (t) => {
  const program =
    "process.title = 'tgunicorn: arbiter [a]'; process.on('message', () => {}); process.send('up');";
  const server = spawn(process.execPath, ["-e", program, "room for the title"], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  t.after(() => server.kill("SIGKILL"));
  await once(server, "message");
  const cwd = directory(t, { "app.pid": `${server.pid}` });
  const tryBind = async () => Promise.reject(serverError("BIND_IN_USE", { address: "127.0.0.1:8000" }));
  assert.deepEqual(await check(cwd, { pidfile: "app.pid" }, { tryBind }), []);
  assert.match((await check(cwd, {}, { tryBind })).join(), /^default: bind: 127\.0\.0\.1:8000: .*in use/);
});
