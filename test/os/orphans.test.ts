// What process 1 does, in a process that has asked to be the parent of its children's orphans.
// https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { before, type TestContext, test } from "node:test";
import koffi from "koffi";
import { reapOrphans } from "../../src/os/orphans.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const linux = process.platform === "linux";
const ONLY_LINUX = linux ? false : "only Linux has subreapers";

before(() => {
  if (!linux) return;
  const prctl: (option: number, on: number) => number = koffi
    .load(null)
    .func("int prctl(int option, unsigned long on)");
  assert.equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
});

interface Orphan {
  readonly pid: number;
  end(): void;
}

async function leaveBehind(t: TestContext): Promise<Orphan> {
  // The shell's child reads what the test holds open, and so ends when the test says.
  const shell = spawn("sh", ["-c", "exec 3<&0; cat <&3 >/dev/null & echo $!"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => shell.stdin.destroy());
  const [[line]] = await Promise.all([once(shell.stdout, "data"), once(shell, "exit")]);
  return { pid: Number(String(line)), end: () => void shell.stdin.end() };
}

const whether = async (found: () => boolean): Promise<void> => {
  while (!found()) await new Promise((resolve) => setImmediate(resolve));
};

test("an orphan that ends is reaped; Node's own children are left to Node", {
  skip: ONLY_LINUX,
  timeout: 60_000,
}, async (t) => {
  const warnings: string[] = [];
  const reaper = reapOrphans((message) => void warnings.push(message));
  t.after(() => reaper.stop());
  const orphan = await leaveBehind(t);
  orphan.end();
  const own = spawn("true");
  assert.deepEqual(await once(own, "exit"), [0, null]);
  await whether(() => !existsSync(`/proc/${orphan.pid}`));
  assert.deepEqual(warnings, []);
});

test("without koffi one warning says what is missing", { skip: ONLY_LINUX, timeout: 60_000 }, async (t) => {
  const warnings: string[] = [];
  const reaper = reapOrphans(
    (message) => void warnings.push(message),
    async () => null,
  );
  t.after(() => reaper.stop());
  const orphan = await leaveBehind(t);
  orphan.end();
  await whether(() => warnings.length > 0);
  assert.match(warnings.join(), /koffi/);
  assert.ok(existsSync(`/proc/${orphan.pid}`));
});
