import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkConfig, type Probes } from "../../src/cli/check.ts";
import { preflight } from "../../src/cli/preflight.ts";
import { fileLayer } from "../../src/config/layers.ts";
import { resolve } from "../../src/config/resolve.ts";
import { serverError } from "../../src/errors.ts";
import { identityFor } from "../../src/os/privileges.ts";
import { directory, write } from "../config/directory.ts";

const advice = 'Name a file in a writable directory, or "-".';

const fine: Probes = {
  tryBind: async () => {},
  loadWorkerClass: async () => {},
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
  const cwd = directory(t, { "own.mjs": "" });
  const found = await check(
    cwd,
    {
      accesslog: "nowhere/app.log",
      errorlog: ".",
      pidfile: "nowhere/app.pid",
      user: "no-such-user",
      group: "no-such-group",
      workerClass: "./own.mjs",
      app: "a:b",
    },
    {
      tryBind: async () => Promise.reject(new Error("permission denied")),
      loadWorkerClass: async ({ workerClass }) => Promise.reject(new Error(`no worker class ${workerClass}`)),
      loadApp: async () => Promise.reject(new Error("boom")),
    },
  );
  assert.deepEqual(found, [
    `conf: accesslog: nowhere/app.log can't be written: the directory ${cwd}/nowhere does not exist. ${advice}`,
    `conf: errorlog: . can't be written: it is a directory. ${advice}`,
    `conf: pidfile: can't write nowhere/app.pid: the directory ${cwd}/nowhere does not exist`,
    'conf: user: no such user: "no-such-user"',
    'conf: group: no such group: "no-such-group"',
    "default: bind: 127.0.0.1:8000: permission denied",
    "conf: workerClass: no worker class ./own.mjs",
    "conf: app: boom",
  ]);
});

test("chdir must be a directory; what depends on it is not told of as well", async (t) => {
  const cwd = directory(t, { file: "" });
  const values = { chdir: "file", accesslog: "a.log", pidfile: "a.pid", workerClass: "./own.mjs" };
  const never = async () => assert.fail("it was asked");
  assert.deepEqual(await check(cwd, values, { loadApp: never, loadWorkerClass: never }), [
    `conf: chdir: can't change to ${cwd}/file: it is no directory`,
  ]);
});

test("what a start can write is no mistake: a link whose file is to be made, a pid file to be replaced", async (t) => {
  const cwd = directory(t, { "locked.pid": "" });
  symlinkSync("not-yet.log", join(cwd, "link.log"));
  chmodSync(join(cwd, "locked.pid"), 0o444);
  const values = { errorlog: "link.log", accesslog: "/dev/stdout", pidfile: "locked.pid" };
  assert.deepEqual(await check(cwd, values), []);
});

test("each account's trouble is told of the setting that names it", async (t) => {
  const layer = fileLayer({ origin: "conf", values: { group: "12345" }, exports: false });
  const resolution = resolve([layer], { cwd: directory(t), file: null });
  assert.ok(resolution.ok);
  const mortal = { uid: 1000, gid: 1000, root: false };
  const findings = preflight(resolution.resolved.config, {
    identify: (accounts) => identityFor(accounts, mortal),
    pidfile: null,
    mayOwnPidfile: () => false,
  });
  assert.deepEqual(
    findings.map(({ setting }) => setting),
    ["group"],
  );
});

test("a pid file of another live process is told; a stale one is not", async (t) => {
  const cwd = directory(t, { "app.pid": `${process.ppid}\n` });
  assert.deepEqual(await check(cwd, { pidfile: "app.pid" }), [
    `conf: pidfile: Already running on PID ${process.ppid} (or pid file 'app.pid' is stale): stop it, or use another --pid`,
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
