import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { bindHandle } from "../../src/os/handles.ts";
import { get } from "./client.ts";
import { openLatch } from "./latch.ts";
import { ended, type Server, type StartOptions, start, within } from "./server.ts";

const APP = "export const app = (req, res) => res.end(process.cwd());";
const UNIX = ["-D", "-b", "unix:app.sock", "-p", "app.pid"];

/**
 * Runs the command to its end. The server that it leaves in the background is killed when the test ends, with all of
 * its group; its number is read now, since the directory may be gone by then.
 */
async function launch(t: TestContext, args: readonly string[], options: StartOptions = {}): Promise<Server> {
  const command = start(t, args, { ...options, files: { "app.mjs": APP, ...options.files } });
  await within(command.exited, "the command's exit", command.log);
  const pid = pidIn(command.dir) ?? pidIn(join(command.dir, "below"));
  if (pid !== null) t.after(() => killGroup(pid));
  return command;
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // all gone
  }
}

function pidIn(dir: string, suffix = ""): number | null {
  const path = join(dir, `app.pid${suffix}`);
  return existsSync(path) ? Number(readFileSync(path, "utf8")) : null;
}

/** Fields of proc(5)'s stat: the parent, the session and the terminal. */
function stat(pid: number): { readonly parent: number; readonly session: number; readonly terminal: number } {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  const [, parent, , session, terminal] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { parent: Number(parent), session: Number(session), terminal: Number(terminal) };
}

/** The log file, once it says `pattern`. */
async function logged(dir: string, pattern: RegExp): Promise<string> {
  for (const end = performance.now() + 30_000; performance.now() < end; ) {
    const text = readFileSync(join(dir, "app.log"), "utf8");
    if (pattern.test(text)) return text;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return assert.fail(`${pattern} is not in:\n${readFileSync(join(dir, "app.log"), "utf8")}`);
}

test("-D returns when the server serves, from a session of its own, with paths of the start", async (t) => {
  const server = await launch(
    t,
    [...UNIX, "-w", "2", "--log-file", "app.log", "--chdir", "below", "app:app"],
    {
      files: { "below/app.mjs": APP },
    },
  );
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  assert.deepEqual([server.log(), server.stdout()], ["", ""]);
  const below = join(server.dir, "below");
  // At once: the workers are ready.
  const answer = await get({ socketPath: join(below, "app.sock") });
  assert.equal(answer.body, below);
  const pid = pidIn(below) ?? assert.fail("no pid file");
  assert.notEqual(pid, server.pid);
  assert.deepEqual([stat(pid).session, stat(pid).terminal], [pid, 0]);
  assert.notEqual(stat(pid).parent, server.pid);
  process.kill(pid, "SIGTERM");
  await ended(pid);
  assert.deepEqual([existsSync(join(below, "app.pid")), existsSync(join(below, "app.sock"))], [false, false]);
});

for (const [what, args, app, status, words] of [
  ["an application that fails", [], "throw new Error('not today');", 4, /Error: .*\n?.*not today/],
  ["a worker that exits", [], "process.exit(9);", 3, /Error: .*exited with code 9/],
  ["an address that can't be had", ["-b", "unix:/no/such/dir/a.sock"], APP, 1, /Error: Can't bind/],
  [
    "a log that can't be written",
    ["--log-file", "/no/such/dir/log"],
    APP,
    1,
    /Error: .*\/no\/such\/dir\/log/,
  ],
  ["a setting that is wrong", ["-w", "many"], APP, 1, /Error: -w: expected/],
] as const) {
  test(`-D with ${what} says so, and has status ${status}`, async (t) => {
    const server = await launch(t, [...UNIX, ...args, "app.mjs:app"], { files: { "app.mjs": app } });
    assert.deepEqual(await server.exited, { code: status, signal: null }, server.log());
    assert.match(server.log(), words);
    assert.deepEqual([pidIn(server.dir), existsSync(join(server.dir, "app.sock"))], [null, false]);
  });
}

test("-D has inherited descriptors under their numbers, and misses one that is not there", async (t) => {
  const sockets = [1, 2, 3].map(() => bindHandle({ host: "127.0.0.1", port: 0 }));
  const options: StartOptions = {
    descriptors: sockets.map(({ fd }) => fd),
    files: { "app.mjs": "export const app = (req, res) => res.end(String(process.ppid));" },
  };
  const given = ["-D", "-p", "app.pid", "--log-file", "app.log", "app.mjs:app"];
  const server = await launch(t, [...given, "-b", "fd://3", "-b", "fd://5"], options);
  assert.equal((await server.exited).code, 0, server.log());
  const pid = pidIn(server.dir) ?? assert.fail("no pid file");
  for (const { port } of [sockets[0], sockets[2]].filter((one) => one !== undefined))
    assert.equal((await get(`http://127.0.0.1:${port}/`)).body, String(pid));
  process.kill(pid, "SIGTERM");
  await ended(pid);
  const missing = await launch(t, [...given, "-b", "fd://5", "-b", "fd://6"], options);
  assert.equal((await missing.exited).code, 1);
  assert.match(missing.log(), /Error: Can't bind fd:\/\/6: /);
});

test("-D says that nobody will see the log", async (t) => {
  const server = await launch(t, [...UNIX, "app.mjs:app"]);
  assert.equal((await server.exited).code, 0);
  assert.match(server.log(), /Warning: -D: daemon: nobody will see the error log/);
});

test("-D -R keeps standard error where it is no terminal", async (t) => {
  const server = start(t, [...UNIX, "-R", "--log-level", "debug", "app.mjs:app"], {
    files: { "app.mjs": APP },
    leaves: ["app.pid"],
  });
  await server.saw(/Ready worker=1/);
  await ended(server.pid);
  const pid = pidIn(server.dir) ?? assert.fail("no pid file");
  t.after(() => killGroup(pid));
  process.kill(pid, "SIGTERM");
  await server.exited;
  assert.match(server.log(), /Handling signal: term/);
});

test("a command that is interrupted while the server boots takes it along", async (t) => {
  const latch = await openLatch();
  t.after(() => latch.close());
  const server = start(t, [...UNIX, "app.mjs:app"], {
    files: {
      "app.mjs": `
        import net from "node:net";
        await new Promise((resolve) => net.connect(process.env.LATCH).on("close", resolve).resume());
        ${APP}`,
    },
    env: { LATCH: latch.path },
  });
  await latch.held();
  const pid = pidIn(server.dir) ?? assert.fail("no pid file");
  t.after(() => killGroup(pid));
  server.signal("SIGINT");
  assert.deepEqual(await within(server.exited, "the command's exit", server.log), { code: 1, signal: null });
  await ended(pid);
  assert.deepEqual([pidIn(server.dir), existsSync(join(server.dir, "app.sock"))], [null, false]);
});

test("a server in the background obeys WINCH and USR2", async (t) => {
  const server = await launch(t, [...UNIX, "--log-file", "app.log", "--log-level", "debug", "app.mjs:app"]);
  const pid = pidIn(server.dir) ?? assert.fail("no pid file");
  process.kill(pid, "SIGWINCH");
  await logged(server.dir, /Worker exited: worker=1 gen=1/);
  process.kill(pid, "SIGHUP");
  await logged(server.dir, /Reload complete/);
  writeFileSync(join(server.dir, "app.mjs"), "export const app = (req, res) => res.end('new');");
  process.kill(pid, "SIGUSR2");
  const younger = Number(/arbiter pid=(\d+) is started/.exec(await logged(server.dir, /is started/))?.[1]);
  await logged(server.dir, /(Ready worker=[\s\S]*){3}/);
  assert.equal(pidIn(server.dir, ".2"), younger);
  process.kill(pid, "SIGTERM");
  await logged(server.dir, /Promoted/);
  assert.equal(pidIn(server.dir), younger);
  assert.equal((await get({ socketPath: join(server.dir, "app.sock") })).body, "new");
  assert.equal(stat(younger).terminal, 0);
  process.kill(younger, "SIGTERM");
  await ended(younger);
  assert.deepEqual([pidIn(server.dir), existsSync(join(server.dir, "app.sock"))], [null, false]);
});

test("a server in the background that is stopped before its upgrade has started leaves it the sockets", async (t) => {
  const server = await launch(t, [...UNIX, "--log-file", "app.log", "--log-level", "debug", "app.mjs:app"]);
  const pid = pidIn(server.dir) ?? assert.fail("no pid file");
  process.kill(pid, "SIGUSR2");
  const younger = Number(/arbiter pid=(\d+) is started/.exec(await logged(server.dir, /is started/))?.[1]);
  t.after(() => killGroup(younger));
  process.kill(pid, "SIGTERM");
  const log = await logged(server.dir, /(Ready worker=[\s\S]*){2}/);
  await ended(pid);
  assert.equal((await get({ socketPath: join(server.dir, "app.sock") })).status, 200);
  assert.doesNotMatch(log, /in use/);
  process.kill(younger, "SIGTERM");
  await ended(younger);
});
