// Logs on a disk that is full, or in a file that may not grow, while the server is under load.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { get, ready } from "./client.ts";
import { startLoad } from "./load.ts";
import { FIXTURES, type Server, start } from "./server.ts";

const APP = `${join(FIXTURES, "apps.mjs")}:pid`;
const LOCAL = ["-b", "127.0.0.1:0", "-k", "eventloop", "--log-level", "debug"];
/** One line of the access log takes a page of the disk. */
const LONG = `/${"x".repeat(3_500)}`;

/** A disk of 4 MB that the filler leaves nothing of; null, with the test skipped, where none can be mounted. */
function fullDisk(t: TestContext): { readonly dir: string; readonly free: () => void } | null {
  const dir = mkdtempSync(join(tmpdir(), "tgunicorn-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", dir], { stdio: "pipe" });
  } catch {
    rmSync(dir, { recursive: true });
    t.skip("only root may mount a disk");
    return null;
  }
  t.after(() => {
    execFileSync("umount", ["-l", dir]);
    rmSync(dir, { recursive: true });
  });
  const filler = join(dir, "filler");
  const piece = Buffer.alloc(4_096);
  try {
    for (;;) writeFileSync(filler, piece, { flag: "a" });
  } catch {
    return { dir, free: () => rmSync(filler) };
  }
}

async function loaded(server: Server, answers: number): Promise<number> {
  const load = startLoad([await server.url(LONG)], { clients: 4, keepAlive: true });
  await load.more(answers);
  await load.stop();
  assert.deepEqual(load.failures, []);
  return load.answers();
}

test("an access log on a full disk costs no request, one warning, and no line once there is room", async (t) => {
  const disk = fullDisk(t);
  if (disk === null) return;
  const path = join(disk.dir, "access.log");
  const server = start(t, [...LOCAL, "--access-logfile", path, APP], {
    expected: [/accesslog \S+: no space left on the device; lines wait in memory/],
  });
  await ready(server, 1);
  const answers = await loaded(server, 300);
  await server.saw(/\[WARNING\] accesslog \S+access.log: no space left on the device; lines wait in memory/);
  disk.free();
  await server.stop();
  assert.equal(server.count(/no space left/), 1, server.log());
  const lines = readFileSync(path, "latin1").trimEnd().split("\n");
  assert.equal(lines.length, answers);
});

test("what memory does not hold is lost, and counted at once and at the end", async (t) => {
  const disk = fullDisk(t);
  if (disk === null) return;
  const path = join(disk.dir, "access.log");
  const args = [...LOCAL, "--metrics-bind", "unix:metrics.sock", "--access-logfile", path, APP];
  const server = start(t, args, { expected: [/accesslog \S+: /] });
  await ready(server, 1);
  // 4 Mi characters.
  const answers = await loaded(server, 1_500);
  await counted(server, 'log="access"');
  await server.stop();
  assert.ok(server.count(/\[WARNING\] accesslog/) <= 3, server.log());
  const lost = [...server.log().matchAll(/accesslog \S+: (\d+) lines? lost/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
  const written = readFileSync(path, "latin1").split("\n").length - 1;
  assert.equal(lost + written, answers);
});

/** Resolves when the metrics tell that lines of that log are lost. */
async function counted(server: Server, log: string): Promise<void> {
  const metrics = { socketPath: join(server.dir, "metrics.sock"), path: "/metrics" };
  const lost = new RegExp(`^tgunicorn_log_lines_lost_total\\{${log}\\} [1-9]`, "m");
  while (!lost.test((await get(metrics)).body)) await new Promise((resolve) => setImmediate(resolve));
}

test("where the error log is on it, too, standard error hears of it, once for each process", async (t) => {
  const disk = fullDisk(t);
  if (disk === null) return;
  const [access, error] = [join(disk.dir, "access.log"), join(disk.dir, "error.log")];
  // The port is in the log, which can't be written: a Unix socket has none.
  const server = start(
    t,
    ["-b", "unix:app.sock", "-k", "eventloop", "--access-logfile", access, "--error-logfile", error, APP],
    { expected: [/errorlog \S+: no space left on the device/, /lines? lost/] },
  );
  await server.saw(/errorlog \S+error.log: no space left on the device; lines wait in memory/);
  const socketPath = join(server.dir, "app.sock");
  // That was said before it listens.
  while ((await get({ socketPath }).catch(() => undefined)) === undefined);
  const load = startLoad([{ socketPath }], { clients: 4, keepAlive: true });
  await load.more(300);
  await load.stop();
  assert.deepEqual(load.failures, []);
  // The worker tells that its access log is full, which its error log can't take either.
  await server.saw(/errorlog \S+: no space left/, 2);
  disk.free();
  await server.stop();
  assert.ok(server.count(/errorlog \S+: no space left/) <= 2, server.log());
  const log = readFileSync(error, "utf8");
  assert.match(log, /Listening at: unix:app.sock/);
  assert.match(log, /accesslog \S+: no space left on the device; lines wait in memory/);
  assert.match(log, /Handling signal: term/);
});

test("a file that may not grow ends nobody by SIGXFSZ", async (t) => {
  const server = start(t, [...LOCAL, "-w", "2", "--access-logfile", "access.log", APP], {
    script: 'ulimit -f 16; exec "$@"',
    leaves: ["access.log"],
    expected: [
      /accesslog access.log: the file is too big; lines wait in memory/,
      /lines? lost: the file is too big/,
    ],
  });
  await ready(server, 2);
  await loaded(server, 300);
  await server.saw(/the file is too big; lines wait in memory/);
  await loaded(server, 100);
  const served = server.workerPids().length;
  await server.stop();
  assert.equal(served, 2, "the same workers, all the time");
  assert.match(server.log(), /accesslog access.log: \d+ lines? lost: the file is too big/);
});
