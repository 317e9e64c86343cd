import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createPidfile, movePidfile, pidfilePath } from "../../src/arbiter/pidfile.ts";

function place(t: TestContext): { readonly dir: string; readonly path: string } {
  const dir = mkdtempSync(join(tmpdir(), "pidfile-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return { dir, path: join(dir, "app.pid") };
}

const umask = 0;
const OURS = `${process.pid}\n`;
/** A process that has ended. */
const gone = (): number => spawnSync(process.execPath, ["-e", ""]).pid;

function stranger(t: TestContext): number {
  const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1e6)"]);
  t.after(() => child.kill("SIGKILL"));
  return child.pid ?? assert.fail("not started");
}

test("takes over a file whose process is gone, and one that is no pid file", (t) => {
  const { dir, path } = place(t);
  for (const before of [`${gone()}\n`, "", "not a number", "-1", "0"]) {
    writeFileSync(path, before);
    createPidfile(path, { umask });
    assert.equal(readFileSync(path, "utf8"), OURS, JSON.stringify(before));
  }
  assert.deepEqual(readdirSync(dir), ["app.pid"]);
});

test("respects a live owner, but not a number that a predecessor had", (t) => {
  const { path } = place(t);
  const pid = stranger(t);
  writeFileSync(path, `${pid}\n`);
  assert.throws(() => createPidfile(path, { umask }), { code: "PIDFILE_IN_USE" });
  assert.equal(readFileSync(path, "utf8"), `${pid}\n`);
  createPidfile(path, { umask, predecessor: pid });
  assert.equal(readFileSync(path, "utf8"), OURS);
});

test("is readable by all, less the umask", (t) => {
  const { path } = place(t);
  const before = process.umask(0o002);
  t.after(() => process.umask(before));
  for (const [umask, mode] of [
    [0, 0o644],
    [0o027, 0o640],
    [0o077, 0o600],
  ] as const) {
    createPidfile(path, { umask });
    assert.equal(statSync(path).mode & 0o777, mode);
  }
});

test("never removes somebody else's", (t) => {
  const { path } = place(t);
  const pidfile = createPidfile(path, { umask });
  writeFileSync(path, `${stranger(t)}\n`);
  pidfile.remove();
  assert.ok(existsSync(path));
  writeFileSync(path, OURS);
  pidfile.remove();
  assert.ok(!existsSync(path));
});

test("stands beside the old arbiter's while that lives, and then in its place", (t) => {
  const { dir, path } = place(t);
  const elder = gone();
  writeFileSync(path, `${elder}\n`);
  const beside = pidfilePath(path, elder);
  assert.equal(beside, `${path}.2`);
  assert.deepEqual([pidfilePath(path, null), pidfilePath(null, elder)], [path, null]);
  const held = createPidfile(beside ?? "", { umask });
  const moved = movePidfile(held, path, { error: assert.fail }, { umask, predecessor: elder });
  assert.equal(moved?.path, path);
  assert.deepEqual(readdirSync(dir), ["app.pid"]);
  assert.equal(readFileSync(path, "utf8"), OURS);
});

test("stays where it is when it can't move", (t) => {
  const { path } = place(t);
  const held = createPidfile(path, { umask });
  const errors: string[] = [];
  const error = (message: string): void => void errors.push(message);
  assert.equal(movePidfile(held, join(path, "below"), { error }, { umask }), held);
  assert.match(errors.join(), /pidfile: can't write/);
  assert.equal(movePidfile(held, path, { error }, { umask }), held, "nothing to do");
  assert.equal(movePidfile(held, null, { error }, { umask }), null);
  assert.ok(!existsSync(path));
});

test("is found again from another directory", (t) => {
  const { dir, path } = place(t);
  const before = process.cwd();
  t.after(() => process.chdir(before));
  process.chdir(dir);
  const pidfile = createPidfile("app.pid", { umask });
  process.chdir(before);
  pidfile.remove();
  assert.ok(!existsSync(path));
});
