import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { bindHandle } from "../../src/os/handles.ts";
import { connect } from "../contract/client.ts";
import { get, ready } from "./client.ts";
import { type Held, type Latch, openLatch } from "./latch.ts";
import { startLoad } from "./load.ts";
import { ended, MAIN, type Server, type StartOptions, scratch, start } from "./server.ts";

/** Tells which arbiter's worker has answered. */
const APP = "export const app = (req, res) => res.end(String(process.ppid));";

interface Upgradable extends Server {
  /** Sends USR2 to the arbiter `of` and resolves with the new one's pid, when `workers` workers of it are ready. */
  upgrade(workers?: number, of?: number): Promise<number>;
  pidfile(suffix?: string): string | null;
  ask(): Promise<string>;
  askUnix(): Promise<string>;
}

function launch(t: TestContext, args: readonly string[] = [], options: StartOptions = {}): Upgradable {
  const given = ["-b", "127.0.0.1:0", "-b", "unix:app.sock", "-p", "app.pid", "--log-level", "debug"];
  const server = start(t, [...given, ...args, "app.mjs:app"], {
    ...options,
    files: { "app.mjs": APP, ...options.files },
  });
  return {
    ...server,
    async upgrade(workers = 1, of = server.pid) {
      const upgrades = server.count(UPGRADE);
      const before = server.count(/Ready worker=/);
      server.signal("SIGUSR2", of);
      const match = await server.saw(UPGRADE, upgrades + 1);
      await ready(server, before + workers);
      return Number(match[1]);
    },
    pidfile(suffix = "") {
      const path = join(server.dir, `app.pid${suffix}`);
      return existsSync(path) ? readFileSync(path, "utf8").trim() : null;
    },
    ask: async () => (await get(await server.url())).body,
    askUnix: async () => (await get({ socketPath: join(server.dir, "app.sock") })).body,
  };
}

const UPGRADE = /Upgrade: arbiter pid=(\d+) is started/;

for (const [kind, keepAlive, rounds] of [
  ["eventloop", true, 10],
  ["eventloop", false, 3],
  ["sync", false, 3],
  ["threaded", true, 3],
] as const) {
  const connections = keepAlive ? "kept alive" : "new each time";
  test(`${kind}, connections ${connections}: ${rounds} upgrades in a row lose nothing`, async (t) => {
    const server = launch(t, ["-w", "2", "-k", kind, "--threads", kind === "threaded" ? "2" : "1"]);
    await ready(server, 2);
    const targets = [await server.url(), { socketPath: join(server.dir, "app.sock") }];
    const load = startLoad(targets, { clients: 4, keepAlive });
    let present = server.pid;
    for (let round = 1; round <= rounds; round++) {
      const next = await server.upgrade(2, present);
      await load.more(50);
      server.signal("SIGTERM", present);
      await server.saw(/Promoted/, round);
      await load.more(50);
      present = next;
    }
    await load.stop();
    assert.deepEqual(load.failures, [], server.log());
    assert.equal(await server.ask(), String(present));
    assert.equal(server.pidfile(), String(present));
    server.signal("SIGTERM", present);
    await server.stop();
  });
}

test("each step of an upgrade, with its pid files and titles", async (t) => {
  const server = launch(t);
  await ready(server, 1);
  const title = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0")[0] ?? "";
  assert.equal(server.pidfile(), String(server.pid));
  const younger = await server.upgrade();
  assert.deepEqual([server.pidfile(), server.pidfile(".2")], [String(server.pid), String(younger)]);
  assert.match(title(younger), /^tgunicorn: arbiter\.2 \[/);
  server.signal("SIGTERM");
  await server.saw(/Promoted: the old arbiter pid=\d+ is gone/);
  assert.deepEqual([server.pidfile(), server.pidfile(".2")], [String(younger), null]);
  assert.match(title(younger), /^tgunicorn: arbiter \[/);
  assert.deepEqual([await server.ask(), await server.askUnix()], [String(younger), String(younger)]);
  server.signal("SIGHUP", younger);
  await server.saw(/Reload complete/);
  assert.deepEqual([await server.askUnix(), server.pidfile()], [String(younger), String(younger)]);
  server.signal("SIGTERM", younger);
  await server.stop();
});

test("TERM to the new arbiter takes the upgrade back", async (t) => {
  const server = launch(t);
  await ready(server, 1);
  for (const round of [1, 2]) {
    const younger = await server.upgrade();
    server.signal("SIGTERM", younger);
    await server.saw(/Upgrade abandoned, this arbiter serves on: arbiter pid=\d+ exited with code 0/, round);
    assert.deepEqual([server.pidfile(), server.pidfile(".2")], [String(server.pid), null]);
    assert.deepEqual([await server.ask(), await server.askUnix()], [String(server.pid), String(server.pid)]);
  }
  await server.stop();
});

test("WINCH drops the old one's workers, HUP brings them back", async (t) => {
  const server = launch(t, ["-w", "2"]);
  await ready(server, 2);
  const younger = await server.upgrade(2);
  server.signal("SIGWINCH");
  await server.saw(/Worker exited/, 2);
  assert.equal(await server.ask(), String(younger));
  server.signal("SIGHUP");
  await server.saw(/Reload complete: generation 2 serves with 2 worker/);
  server.signal("SIGTERM", younger);
  await server.saw(/Upgrade abandoned/);
  assert.deepEqual([await server.ask(), await server.askUnix()], [String(server.pid), String(server.pid)]);
  await server.stop();
});

test("a Unix socket that its path no longer leads to is not handed over, but opened anew", async (t) => {
  const dir = scratch(t, { "one/file": "", "two/file": "" });
  const socketPath = join(dir, "current", "app.sock");
  symlinkSync("one", join(dir, "current"));
  const server = launch(t, ["-b", `unix:${socketPath}`]);
  await ready(server, 1);
  symlinkSync("two", join(dir, "next"));
  renameSync(join(dir, "next"), join(dir, "current"));
  // Of an earlier time: nobody listens there.
  bindHandle({ path: socketPath });
  const younger = await server.upgrade();
  assert.equal((await get({ socketPath })).body, String(younger));
  server.signal("SIGTERM");
  await server.saw(/Promoted/);
  assert.equal((await get({ socketPath })).body, String(younger));
  server.signal("SIGTERM", younger);
  await server.stop();
});

test("an inherited descriptor is known by its name where it has another number", async (t) => {
  const { fd, port } = bindHandle({ host: "127.0.0.1", port: 0 });
  const server = launch(t, ["-b", "fd://3"], { descriptors: [fd] });
  await ready(server, 1);
  let present = server.pid;
  for (const round of [1, 2]) {
    const younger = await server.upgrade(1, present);
    server.signal("SIGTERM", present);
    await server.saw(/Promoted/, round);
    present = younger;
    const all = [await server.ask(), (await get(`http://127.0.0.1:${port}/`)).body];
    assert.deepEqual(all, [String(present), String(present)]);
  }
  server.signal("SIGTERM", present);
  await server.stop();
});

test("a new arbiter that fails to boot changes nothing", async (t) => {
  const expected = [
    /Upgrade abandoned/,
    /Worker failed|failed to boot|Shutting down|Application|Error|broken/i,
  ];
  const server = launch(t, [], { expected });
  await ready(server, 1);
  writeFileSync(join(server.dir, "app.mjs"), "export const app = (");
  server.signal("SIGUSR2");
  await server.saw(/Upgrade abandoned, this arbiter serves on: arbiter pid=\d+ exited with code [34]/);
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), "export default { workers: 'many' };");
  server.signal("SIGUSR2");
  await server.saw(/Upgrade abandoned, this arbiter serves on: arbiter pid=\d+ exited with code 1/);
  assert.deepEqual([server.pidfile(), server.pidfile(".2")], [String(server.pid), null]);
  assert.deepEqual([await server.ask(), await server.askUnix()], [String(server.pid), String(server.pid)]);
  writeFileSync(join(server.dir, "app.mjs"), APP);
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), "export default {};");
  const younger = await server.upgrade();
  server.signal("SIGTERM");
  await server.saw(/Promoted/);
  assert.equal(await server.askUnix(), String(younger));
  server.signal("SIGTERM", younger);
  await server.exited;
});

test("a second USR2 is refused by either arbiter", async (t) => {
  const server = launch(t, [], { expected: [/USR2 ignored/] });
  await ready(server, 1);
  const younger = await server.upgrade();
  server.signal("SIGUSR2");
  await server.saw(new RegExp(`USR2 ignored: an upgrade is running, pid=${younger}`));
  server.signal("SIGUSR2", younger);
  await server.saw(new RegExp(`USR2 ignored: this is the upgrade of the arbiter pid=${server.pid}`));
  server.signal("SIGTERM", younger);
  await server.saw(/Upgrade abandoned/);
  await server.stop();
});

test("the hook preExec runs in the old arbiter, and cancels the upgrade by throwing", async (t) => {
  const server = launch(t, [], {
    files: {
      "gunicorn.conf.mjs": `
        let times = 0;
        export default {
          async preExec(server) {
            server.log.info("preExec in " + server.pid);
            if (times++ === 0) throw new Error("not today");
          },
        };`,
    },
    expected: [/preExec failed/, /Upgrade failed/],
  });
  await ready(server, 1);
  server.signal("SIGUSR2");
  await server.saw(/Upgrade failed, this arbiter serves on: its hook preExec failed/);
  assert.match(server.log(), /not today/);
  const younger = await server.upgrade();
  assert.equal(server.count(new RegExp(`preExec in ${server.pid}`)), 2);
  server.signal("SIGTERM", younger);
  await server.saw(/Upgrade abandoned/);
  await server.stop();
});

test("TERM while the hook preExec hangs answers what waits; its time is bootTimeout", async (t) => {
  const conf = `export default { preExec(server) { server.log.info("preExec"); return new Promise(() => {}); } };`;
  const app = `import net from "node:net";
    export const app = (req, res) => req.url === "/hold"
      ? net.connect(process.env.LATCH).on("close", () => res.end("held")).resume()
      : res.end("free");`;
  const latch = await openLatch();
  t.after(() => latch.close());
  const server = launch(t, ["--boot-timeout", "2"], {
    files: { "gunicorn.conf.mjs": conf, "app.mjs": app },
    env: { LATCH: latch.path },
    expected: [/Upgrade failed/],
  });
  await ready(server, 1);
  server.signal("SIGUSR2");
  await server.saw(/Upgrade failed, this arbiter serves on: its hook preExec did not end within bootTimeout/);
  server.signal("SIGUSR2");
  await server.saw(/preExec\n/, 2);
  const holds = get(await server.url("/hold"));
  const held = await latch.held();
  const waiting = await Promise.all(Array.from({ length: 5 }, async () => connect(await server.port())));
  for (const client of waiting) client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  server.signal("SIGTERM");
  await server.saw(/Handling signal: term/);
  held.release();
  assert.equal((await holds).body, "held");
  for (const client of waiting) assert.equal((await client.response()).body, "free", server.log());
  await server.stop();
});

test("kill -9 of the old arbiter leaves the new one in its place", async (t) => {
  const server = launch(t, [], { expected: [/The arbiter is gone/] });
  await ready(server, 1);
  const younger = await server.upgrade();
  server.signal("SIGKILL");
  await server.saw(/Promoted/);
  for (const pid of server.workerPids().slice(0, 1)) await ended(pid);
  assert.deepEqual([server.pidfile(), server.pidfile(".2")], [String(younger), null]);
  assert.deepEqual([await server.ask(), await server.askUnix()], [String(younger), String(younger)]);
  server.signal("SIGTERM", younger);
  await server.exited;
  assert.deepEqual([server.pidfile(), existsSync(join(server.dir, "app.sock"))], [null, false]);
});

test("kill -9 of the new arbiter leaves the old one as it was", async (t) => {
  const server = launch(t, [], {
    expected: [/The arbiter is gone/, /Upgrade abandoned/],
    leaves: ["app.pid.2"],
  });
  await ready(server, 1);
  server.signal("SIGKILL", await server.upgrade());
  await server.saw(/Upgrade abandoned, this arbiter serves on: arbiter pid=\d+ was ended by SIGKILL/);
  await ended(server.workerPids()[1] ?? 0);
  assert.deepEqual([await server.ask(), await server.askUnix()], [String(server.pid), String(server.pid)]);
  // Its pid file is stale, and taken over.
  const younger = await server.upgrade();
  assert.equal(server.pidfile(".2"), String(younger));
  server.signal("SIGTERM", younger);
  await server.saw(/Upgrade abandoned.*code 0/);
  await server.stop();
});

/** One request in hand for each worker, and three more that wait in the kernel's queue at `socketPath`. */
async function fill(latch: Latch, socketPath: string, workers: number): Promise<() => Promise<void>> {
  const asked: Promise<{ body: string }>[] = [];
  const hold = { socketPath, path: "/hold" };
  const held: Held[] = [];
  for (let i = 0; i < workers; i++) {
    asked.push(get(hold));
    held.push(await latch.held());
  }
  const clients = await Promise.all([1, 2, 3].map(() => connect(socketPath)));
  for (const client of clients) asked.push(client.get("/"));
  return async () => {
    for (const { release } of held) release();
    assert.equal((await Promise.all(asked)).length, workers + 3);
  };
}

const HOLDS = `
  import net from "node:net";
  export function app(req, res) {
    if (req.url !== "/hold") return res.end("here");
    net.connect(process.env.LATCH).on("data", () => {}).on("end", () => res.end("held"));
  }`;

for (const [what, binds, upgraded, leaves] of [
  ["an address that the new one does not have", "app.sock, other.sock", "app.sock", ["old"]],
  [
    "an address that only the new one has, when it is taken back",
    "app.sock",
    "app.sock, other.sock",
    ["new"],
  ],
  ["an address of both, when both stop", "other.sock", "other.sock", ["old", "new"]],
] as const) {
  test(`what waits at ${what}, is answered`, async (t) => {
    const latch = await openLatch();
    t.after(() => latch.close());
    const settings = (paths: string): string => {
      const bind = paths.split(", ").map((path) => `unix:${path}`);
      return `export default { app: "app.mjs:app", workerClass: "sync", loglevel: "debug", bind: ${JSON.stringify(bind)} }`;
    };
    const server = start(t, [], {
      files: { "app.mjs": HOLDS, "gunicorn.conf.mjs": settings(binds) },
      env: { LATCH: latch.path },
    });
    await ready(server, 1);
    writeFileSync(join(server.dir, "gunicorn.conf.mjs"), settings(upgraded));
    server.signal("SIGUSR2");
    const [, younger] = await server.saw(UPGRADE);
    await ready(server, 2);
    const answered = await fill(latch, join(server.dir, "other.sock"), leaves.length);
    for (const who of leaves) server.signal("SIGTERM", who === "old" ? server.pid : Number(younger));
    await server.saw(/Handling signal: term/, leaves.length);
    await answered();
    if (leaves.length === 1 && leaves[0] === "new") await server.saw(/Upgrade abandoned/);
    if (leaves.length === 1 && leaves[0] === "old") {
      await server.saw(/Promoted/);
      server.signal("SIGTERM", Number(younger));
    }
    await server.stop();
  });
}

test("both arbiters told to stop leave nothing behind", async (t) => {
  const server = launch(t);
  await ready(server, 1);
  const younger = await server.upgrade();
  server.signal("SIGTERM", younger);
  await server.stop();
});

test("a new configuration: other sockets, another pid file", async (t) => {
  const config = (bind: string, pidfile: string): string =>
    `export default { bind: [${bind}], pidfile: "${pidfile}", loglevel: "debug" };`;
  const server = start(t, ["app.mjs:app"], {
    files: { "app.mjs": APP, "gunicorn.conf.mjs": config('"unix:one.sock", "unix:two.sock"', "one.pid") },
  });
  const at = async (name: string) => (await get({ socketPath: join(server.dir, name) })).body;
  const there = (name: string): boolean => existsSync(join(server.dir, name));
  await ready(server, 1);
  writeFileSync(
    join(server.dir, "gunicorn.conf.mjs"),
    config('"unix:two.sock", "unix:three.sock"', "two.pid"),
  );
  server.signal("SIGUSR2");
  const younger = (await server.saw(UPGRADE))[1] ?? "";
  await ready(server, 2);
  assert.deepEqual([await at("one.sock"), await at("three.sock")], [String(server.pid), younger]);
  assert.ok(there("one.pid") && there("two.pid.2"));
  server.signal("SIGTERM");
  await server.saw(/Promoted/);
  assert.equal(readFileSync(join(server.dir, "two.pid"), "utf8").trim(), younger);
  assert.deepEqual([await at("two.sock"), await at("three.sock")], [younger, younger]);
  assert.ok(!there("one.sock") && !there("one.pid") && !there("two.pid.2"));
  server.signal("SIGTERM", Number(younger));
  await server.stop();
});

test("USR1 and a promotion while another directory is on trial: the files stay where they are", async (t) => {
  const latch = await openLatch();
  t.after(() => latch.close());
  const config = (values: string): string =>
    `export default { bind: ["127.0.0.1:0"], loglevel: "debug", ${values} };`;
  const held = `import net from "node:net"; import { once } from "node:events";
    await once(net.connect(${JSON.stringify(latch.path)}).resume(), "end"); ${APP}`;
  const server = start(t, ["app.mjs:app"], {
    files: {
      "app.mjs": APP,
      "elsewhere/app.mjs": held,
      "gunicorn.conf.mjs": config("pidfile: 'one.pid', accesslog: 'one.log'"),
    },
    leaves: ["one.log"],
  });
  const pidIn = (name: string): string => readFileSync(join(server.dir, name), "utf8").trim();
  await ready(server, 1);
  server.signal("SIGUSR2");
  const younger = Number((await server.saw(UPGRADE))[1]);
  await ready(server, 2);
  const next = config("pidfile: 'two.pid', accesslog: 'two.log', chdir: 'elsewhere'");
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), next);
  server.signal("SIGHUP", younger);
  const { release } = await latch.held();
  server.signal("SIGUSR1", younger);
  await server.saw(/Handling signal: usr1/);
  server.signal("SIGTERM");
  await server.saw(/Promoted/);
  await server.saw(/Control socket: .*one\.ctl$/m, 2);
  assert.deepEqual(readdirSync(join(server.dir, "elsewhere")).sort(), ["app.mjs", "two.log"]);
  assert.equal(pidIn("one.pid"), String(younger));
  release();
  await server.saw(/Reload complete/);
  assert.equal(pidIn("elsewhere/two.pid"), String(younger));
  assert.equal(existsSync(join(server.dir, "one.pid")), false);
  server.signal("SIGTERM", younger);
  await server.stop();
});

test("the directory's name leads to the new release, and to its program", async (t) => {
  const root = scratch(t);
  for (const release of ["v1", "v2"]) {
    mkdirSync(join(root, release));
    const answer = `${release} ' + Object.keys(process.env).filter((name) => /LISTEN|TGUNICORN|NODE_UNIQUE|NODE_CHANNEL/.test(name))`;
    writeFileSync(
      join(root, release, "app.mjs"),
      `export const app = (req, res) => res.end(process.env.PROGRAM + ' ${answer});`,
    );
    const program = `process.env.PROGRAM = "${release}"; await import(${JSON.stringify(MAIN)});`;
    writeFileSync(join(root, release, "program.mjs"), program);
  }
  const current = join(root, "current");
  symlinkSync("v1", current);
  const server = start(t, ["-b", `unix:${root}/app.sock`, "--log-level", "debug", "app.mjs:app"], {
    cwd: current,
    env: { PWD: current },
    script: 'node=$1; shift 2; exec "$node" program.mjs "$@"',
  });
  const ask = async () => (await get({ socketPath: join(root, "app.sock") })).body;
  await ready(server, 1);
  assert.match(await ask(), /^v1 v1 /);
  symlinkSync("v2", join(root, "next"));
  renameSync(join(root, "next"), current);
  server.signal("SIGUSR2");
  const younger = Number((await server.saw(UPGRADE))[1]);
  await ready(server, 2);
  server.signal("SIGTERM");
  await server.saw(/Promoted/);
  assert.equal(await ask(), "v2 v2 ", "no variable of the upgrade's reaches the application");
  server.signal("SIGTERM", younger);
  await server.stop();
});

test("a third arbiter after the second, on the same sockets", async (t) => {
  const server = launch(t);
  await ready(server, 1);
  const { ino } = statSync(join(server.dir, "app.sock"));
  const second = await server.upgrade();
  server.signal("SIGTERM");
  await server.saw(/Promoted/);
  const third = await server.upgrade(1, second);
  server.signal("SIGTERM", third);
  await server.saw(new RegExp(`Upgrade abandoned.*pid=${third}`));
  assert.deepEqual([await server.ask(), await server.askUnix()], [String(second), String(second)]);
  assert.equal(statSync(join(server.dir, "app.sock")).ino, ino);
  server.signal("SIGTERM", second);
  await server.stop();
});
