import assert from "node:assert/strict";
import dns from "node:dns/promises";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type LoadOptions, loadSetup } from "../../src/arbiter/loading.ts";
import { loadConfig } from "../../src/cli/command.ts";
import type { Resolved } from "../../src/config/resolve.ts";
import { createErrorLog } from "../../src/log/error-log.ts";

const read = (...argv: string[]): Promise<Resolved> =>
  loadConfig({ argv: [...argv, "app:app"], env: {}, cwd: import.meta.dirname });

interface Scene extends LoadOptions {
  bind: LoadOptions["bind"];
  readonly lines: string[];
  readonly entered: Resolved[];
}

function scene(before: Resolved, load: LoadOptions["load"], first = before): Scene {
  const lines: string[] = [];
  const entered: Resolved[] = [];
  const log = createErrorLog({
    destination: { write: (line) => void lines.push(line), flush: async () => undefined },
  });
  const bind: ReturnType<LoadOptions["bind"]> = {
    inherited: { passed: [], handed: [] },
    owner: null,
    wait: async () => undefined,
    log,
  };
  return {
    load,
    before,
    first,
    enter: (resolved) => void entered.push(resolved),
    held: () => [],
    bind: () => bind,
    log,
    lines,
    entered,
  };
}

for (const seconds of ["0", "30"]) {
  test(`what takes hold only at a restart is named, with a bootTimeout of ${seconds}`, async () => {
    const common = ["-b", "127.0.0.1:0", "--boot-timeout", seconds];
    const next = await read(...common, "--daemon", "-w", "3");
    const options = scene(await read(...common), async () => next);
    const { sockets, resolved } = await loadSetup(options);
    for (const socket of sockets) socket.close();
    assert.equal(resolved, next);
    assert.deepEqual(options.entered, [next]);
    assert.match(options.lines.join(""), /Changed, but takes hold only at a restart: daemon$/);
  });
}

test("what takes hold only at a restart is told by what the process was started with", async () => {
  const [first, other] = [await read("-b", "127.0.0.1:0"), await read("-b", "127.0.0.1:0", "--daemon")];
  const said = async (before: Resolved, next: Resolved): Promise<string> => {
    const options = scene(before, async () => next, first);
    for (const socket of (await loadSetup(options)).sockets) socket.close();
    return options.lines.join("");
  };
  assert.match(await said(other, other), /only at a restart: daemon$/);
  assert.equal(await said(other, first), "");
});

test("what a configuration does to the environment is undone where it does not come into force", async (t) => {
  t.after(() => {
    delete process.env.LOADING_ONE;
    delete process.env.LOADING_TWO;
  });
  process.env.LOADING_ONE = "one";
  const present = await read("-b", "127.0.0.1:0");
  const meddle = async (): Promise<Resolved> => {
    process.env.LOADING_ONE = "other";
    process.env.LOADING_TWO = "two";
    return present;
  };
  const seen = (): unknown[] => [process.env.LOADING_ONE, process.env.LOADING_TWO];
  const failing = scene(present, async () => {
    await meddle();
    throw new Error("a mistake");
  });
  await assert.rejects(loadSetup(failing), /a mistake/);
  assert.deepEqual(seen(), ["one", undefined]);
  const { sockets, restoreEnvironment } = await loadSetup(scene(present, meddle));
  for (const socket of sockets) socket.close();
  assert.deepEqual(seen(), ["other", "two"]);
  restoreEnvironment();
  assert.deepEqual(seen(), ["one", undefined]);
});

test("a configuration that answers too late is not entered, and what it opened is closed", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "loading-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, "late.sock");
  const late = await read("-b", `unix:${path}`);
  let answer = (_: Resolved): void => assert.fail("it was not asked");
  const asked = new Promise<Resolved>((resolve) => {
    answer = resolve;
  });
  const options = scene(await read("--boot-timeout", "5"), () => asked);
  const opened = new Promise<void>((resolve) => {
    const bind = options.bind(late);
    options.bind = () => ({ ...bind, onBound: () => resolve() });
  });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const loading = loadSetup(options);
  t.mock.timers.tick(5_000);
  await assert.rejects(loading, { code: "CONFIG_SLOW" });
  answer(late);
  await opened;
  for (let turn = 0; turn < 1_000 && existsSync(path); turn++) await setImmediate();
  assert.equal(existsSync(path), false);
  assert.deepEqual(options.entered, []);
});

test("a configuration that is tried before it is read has the whole time for each", async (t) => {
  const next = await read("-b", "127.0.0.1:0");
  const before = await read("--boot-timeout", "5");
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const slow = scene(before, async (proceed) => {
    t.mock.timers.tick(4_000);
    proceed();
    t.mock.timers.tick(4_000);
    proceed();
    t.mock.timers.tick(4_000);
    return next;
  });
  const { sockets, resolved } = await loadSetup(slow);
  for (const socket of sockets) socket.close();
  assert.equal(resolved, next);
  let again = (): void => undefined;
  const late = scene(before, async (proceed) => {
    again = proceed;
    t.mock.timers.tick(4_000);
    proceed();
    t.mock.timers.tick(5_000);
    return await new Promise(() => undefined);
  });
  await assert.rejects(loadSetup(late), { code: "CONFIG_SLOW" });
  // Who was given up and goes on holds nobody up.
  const timers = t.mock.method(globalThis, "setTimeout");
  again();
  assert.equal(timers.mock.callCount(), 0);
});

test("what was opened before it was late is closed at once, and what follows is not kept", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "loading-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const [before, after] = [join(dir, "before.sock"), join(dir, "after.sock")];
  let answer = (): void => assert.fail("it was not asked");
  t.mock.method(dns, "lookup", async () => {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return [{ address: "127.0.0.1", family: 4 }];
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const next = await read("-b", `unix:${before}`, "-b", "slow.test:0", "-b", `unix:${after}`);
  const options = scene(await read("--boot-timeout", "5"), async () => next);
  let opened = (): void => undefined;
  const bind = options.bind(next);
  options.bind = () => ({ ...bind, onBound: () => opened() });
  const bound = (): Promise<void> =>
    new Promise<void>((resolve) => {
      opened = resolve;
    });
  const first = bound();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const loading = loadSetup(options);
  await first;
  assert.ok(existsSync(before));
  t.mock.timers.tick(5_000);
  await assert.rejects(loading, { code: "CONFIG_SLOW" });
  assert.equal(existsSync(before), false);
  const second = bound();
  answer();
  await second;
  await bound();
  assert.equal(existsSync(after), false);
});
