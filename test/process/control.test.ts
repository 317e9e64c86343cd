import assert from "node:assert/strict";
import { existsSync, statSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { ask, ctl } from "./ctl.ts";
import { openLatch } from "./latch.ts";
import { startLoad } from "./load.ts";
import { type Server, type StartOptions, start, type Undo } from "./server.ts";

const APP = `export const app = (request, response) => response.end("hello");`;
const args = ["-w", "2", "-b", "127.0.0.1:0", "-p", "app.pid", "--log-level", "debug", "app:app"];

interface Controlled {
  readonly server: Server;
  readonly path: string;
}

async function controlled(
  t: Undo,
  more: readonly string[] = [],
  options: StartOptions = {},
): Promise<Controlled> {
  const files = { "app.mjs": APP, ...options.files };
  const server = start(t, [...more, ...args], { ...options, files });
  await server.saw(/Control socket: /);
  await ready(server, 2);
  return { server, path: join(server.dir, "app.ctl") };
}

test("the control socket shows the server, its workers and its settings", async (t) => {
  const { server, path } = await controlled(t, ["-e", "KEY=secret"]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const status = await ask(path, "GET", "/status");
  assert.equal(status.status, 200);
  const { pid, phase, generation, workers, reload } = status.body;
  assert.deepEqual(
    { pid, phase, generation, workers, reload },
    {
      pid: server.pid,
      phase: "running",
      generation: 1,
      workers: { wanted: 2, serving: 2, booting: 0, leaving: 0 },
      reload: null,
    },
  );
  const { list } = await ask(path, "GET", "/workers");
  assert.deepEqual(
    list.map((worker) => worker.pid),
    server.workerPids(),
  );
  assert.deepEqual(
    list.map(({ worker, generation: of, phase: does }) => [worker, of, does]),
    [
      [1, 1, "serving"],
      [2, 1, "serving"],
    ],
  );
  const { body: config } = await ask(path, "GET", "/config");
  assert.deepEqual(config.workers, { value: 2, shown: "2", origin: "-w" });
  assert.deepEqual(config.rawEnv, { value: ["KEY=..."], shown: "KEY=...", origin: "-e" });
  await server.stop();
});

test("scale sets the number of workers, and recycle replaces one", async (t) => {
  const { server, path } = await controlled(t);
  assert.deepEqual((await ask(path, "POST", "/scale", { workers: 3 })).body, { workers: 3, before: 2 });
  await ready(server, 3);
  assert.deepEqual((await ask(path, "POST", "/scale", { workers: 1 })).body, { workers: 1, before: 3 });
  await server.saw(/Worker exited/, 2);
  const [worker] = (await ask(path, "GET", "/workers")).list;
  const pid = `pid=${worker?.pid}`;
  assert.equal((await ask(path, "POST", `/workers/${pid}/recycle`)).status, 202);
  await server.saw(new RegExp(`Worker exited: .*${pid}`));
  const missing = await ask(path, "POST", `/workers/${pid}/recycle`);
  assert.equal(missing.status, 404);
  assert.match(String(missing.body.error), /there is no worker pid=\d+; there are \d \(pid=\d+\)/);
  await server.stop();
});

test("reload answers when the whole fleet is new, or with the reason why it is not", async (t) => {
  const { server, path } = await controlled(t, [], { expected: [/Reload aborted/] });
  const well = await ask(path, "POST", "/reload");
  assert.deepEqual(well, { status: 200, body: { reloaded: true, generation: 2, workers: 2 }, list: [] });
  await ready(server, 4);
  // Two at once: each has an end of its own.
  const both = await Promise.all([ask(path, "POST", "/reload"), ask(path, "POST", "/reload")]);
  assert.deepEqual(both.map(({ body }) => body.generation).sort(), [3, 4]);
  writeFileSync(join(server.dir, "app.mjs"), `throw new Error("the database is gone");`);
  const failed = await ask(path, "POST", "/reload");
  assert.equal(failed.status, 422);
  assert.equal(failed.body.reloaded, false);
  assert.match(String(failed.body.error), /generation 4 serves on: .*the database is gone/s);
  const told = await ctl("-p", join(server.dir, "app.pid"), "reload");
  assert.equal(told.code, 1);
  assert.match(told.stderr, /^tgunicornctl: Reload aborted.*the database is gone/s);
  assert.equal((await get(await server.url())).body, "hello");
  const { lastReload } = (await ask(path, "GET", "/status")).body;
  assert.match(JSON.stringify(lastReload), /the database is gone/);
  await server.stop();
});

test("a reload that a stop overtakes is answered, and so is the stop once all workers are gone", async (t) => {
  const latch = await openLatch();
  t.after(() => latch.close());
  const slow = `import net from "node:net";
export const app = (request, response) => net.connect(${JSON.stringify(latch.path)}).on("data", () => response.end("late"));`;
  const { server, path } = await controlled(t, [], { files: { "app.mjs": slow } });
  const answer = get(await server.url());
  const held = await latch.held();
  writeFileSync(join(server.dir, "app.mjs"), "await new Promise(() => undefined);");
  const reload = ask(path, "POST", "/reload");
  await server.saw(/Booting worker=\d+ gen=2/);
  const stop = ask(path, "POST", "/stop");
  assert.deepEqual((await reload).body, { reloaded: false, generation: 1, error: "The server stops" });
  assert.equal((await ask(path, "GET", "/status")).body.phase, "stopping");
  assert.equal((await ask(path, "POST", "/reload")).status, 409);
  assert.equal((await ask(path, "POST", "/scale", { workers: 4 })).status, 409);
  held.release();
  assert.equal((await answer).body, "late");
  assert.deepEqual((await stop).body, { stopped: true, pid: server.pid });
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  assert.ok(!existsSync(path));
  await server.stop();
});

test("what is wrong is answered clearly, and disturbs nobody", async (t) => {
  const { server, path } = await controlled(t);
  const wrong = async (method: string, to: string, body?: string): Promise<string> => {
    const { status, body: told } = await ask(path, method, to, body);
    return `${status} ${String(told.error)}`;
  };
  assert.equal(await wrong("GET", "/nothing"), "404 there is no /nothing");
  assert.equal(await wrong("GET", "/stop"), "405 /stop takes POST");
  assert.equal(await wrong("DELETE", "/workers/1/recycle"), "405 /workers/1/recycle takes POST");
  assert.match(await wrong("POST", "/scale"), /^400 "workers" has to be a whole number from 1/);
  assert.match(await wrong("POST", "/scale", "{"), /^400 the body has to be a JSON object with "workers"/);
  assert.match(await wrong("POST", "/scale", "[]"), /^400 the body has to be a JSON object/);
  assert.match(await wrong("POST", "/scale", '{"workers":0}'), /^400 "workers"/);
  assert.match(await wrong("POST", "/scale", '{"worker":2}'), /^400 "worker" is unknown; known are workers/);
  assert.match(await wrong("POST", "/stop", '{"quick":1}'), /^400 "quick" has to be true or false/);
  assert.match(await wrong("POST", "/scale", " ".repeat(1_000_000)), /^413 the body is longer than 16384/);
  assert.match(
    await say(path, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"),
    /^HTTP\/1.1 405 .*this is no proxy/s,
  );
  assert.match(await say(path, "\x16\x03\x01 hello\r\n\r\n"), /^HTTP\/1.1 400 .*this is not HTTP/s);
  assert.match(
    await say(path, `GET /status HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1.1 431 /,
  );
  assert.match(await say(path, "GET /status HTTP/1.1\r\n\r\n"), /^HTTP\/1.1 200 .*"running"/s);
  assert.match(
    await say(path, "GET /status HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n\r\n"),
    /^HTTP\/1.1 417 .*"error": "of Expect only 100-continue is known/s,
  );
  assert.match(
    await say(path, "BREW /status HTTP/1.1\r\nHost: a\r\n\r\n"),
    /^HTTP\/1.1 501 .*"error":"there is no such method: GET \/ tells/s,
  );
  const many = await say(path, "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3_000));
  assert.equal(many.split("HTTP/1.1 200").length - 1, 1);
  await server.stop();
});

test("slow clients are sent away, a hundred at once are answered, and a crowd can't shut others out for long", async (t) => {
  const { server, path } = await controlled(t);
  const load = startLoad([await server.url()], { clients: 2, keepAlive: true });
  const slow = [
    say(path, "GET /sta"),
    say(path, 'POST /scale HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"'),
  ];
  const silent = Array.from({ length: 50 }, () => net.connect(path).on("error", () => undefined));
  const all = await Promise.all(Array.from({ length: 100 }, () => ask(path, "GET", "/status")));
  assert.deepEqual(new Set(all.map(({ status }) => status)), new Set([200]));
  // More than there may be: they are let go after some seconds, and the next is answered.
  silent.push(...Array.from({ length: 300 }, () => net.connect(path).on("error", () => undefined)));
  const crowd = Promise.all(
    silent.map((socket) => new Promise((resolve) => socket.on("close", resolve).resume())),
  );
  const [head, body] = await Promise.all(slow);
  assert.match(head ?? "", /^HTTP\/1.1 408 .*the request did not come in time/s);
  assert.match(body ?? "", /^HTTP\/1.1 408 .*the request did not come in time/s);
  await crowd;
  assert.equal((await ask(path, "GET", "/status")).status, 200);
  await load.stop();
  assert.deepEqual(load.failures, []);
  await server.stop();
});

/** Everything that comes back for these bytes. */
function say(path: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = net.connect(path, () => socket.write(bytes));
    socket.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
  });
}

test("a read-only socket shows, and does nothing; a reload opens and closes it", async (t) => {
  const conf = (access: string): string => `export default { controlAccess: "${access}" };`;
  const { server, path } = await controlled(t, [], { files: { "gunicorn.conf.mjs": conf("read-only") } });
  assert.equal((await ask(path, "GET", "/workers")).status, 200);
  const refused = await ask(path, "POST", "/stop");
  assert.equal(refused.status, 403);
  assert.match(String(refused.body.error), /looking alone/);
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), conf("full"));
  server.signal("SIGHUP");
  await server.saw(/Control socket: /, 2);
  await server.saw(/Reload complete/);
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), conf("off"));
  assert.equal((await ask(path, "POST", "/reload")).status, 200);
  assert.ok(!existsSync(path));
  await server.stop();
});

test("a control socket that another server has is left to it, and the error names the flag for another", async (t) => {
  const { server, path } = await controlled(t);
  const given = ["-b", "127.0.0.1:0", "--control-socket", path, "app:app"];
  const expected = [/There is no control socket at .* use another --control-socket\./];
  const other = start(t, given, { files: { "app.mjs": APP }, expected });
  await other.saw(/use another --control-socket/);
  await other.stop();
  assert.equal((await ask(path, "GET", "/status")).body.pid, server.pid);
  await server.stop();
});

test("without a pid file there is no socket, and a path that can't be used is told of while the server serves", async (t) => {
  const files = { "app.mjs": APP, "app.ctl": "mine" };
  const expected = [/There is no control socket at \S+app.ctl: .* is not a socket; it is left alone/];
  const server = start(t, args, { files, expected });
  await server.saw(/There is no control socket/);
  assert.equal((await get(await server.url())).body, "hello");
  await server.stop();
});

test("two arbiters have a socket each, and the plain name is of the one that stays", async (t) => {
  const { server, path } = await controlled(t);
  server.signal("SIGUSR2");
  await server.saw(/Control socket: \S+app\.ctl\.2\n/);
  await ready(server, 4);
  const [, young = ""] = await server.saw(/Upgrade: arbiter pid=(\d+)/);
  const { body: old } = await ask(path, "GET", "/status");
  assert.deepEqual([old.pid, old.upgrade, old.elder], [server.pid, { pid: Number(young) }, null]);
  const { body: next } = await ask(`${path}.2`, "GET", "/status");
  assert.deepEqual([next.pid, next.upgrade, next.elder], [Number(young), null, server.pid]);
  assert.equal((await ask(path, "POST", "/stop", { wait: false })).status, 202);
  await server.saw(/Control socket: \S+app\.ctl\n/, 2);
  const { body: promoted } = await ask(path, "GET", "/status");
  assert.deepEqual([promoted.pid, promoted.elder], [Number(young), null]);
  assert.ok(!existsSync(`${path}.2`));
  assert.equal((await ask(path, "POST", "/stop")).status, 200);
  await server.stop();
});

test("tgunicornctl shows and steers, and says what to do where it can't", async (t) => {
  const { server, path } = await controlled(t);
  const pidfile = join(server.dir, "app.pid");
  const status = await ctl("-p", pidfile, "status");
  assert.match(status.stdout, /^workers +2 of 2 serve$/m);
  const workers = await ctl("--socket", path, "workers");
  assert.match(workers.stdout, /^ +1 +1 +\d+ +serving +\d+\.\d MB +\d/m);
  const json: unknown = JSON.parse((await ctl("-s", path, "--json", "status")).stdout);
  assert.deepEqual(Object.keys(json ?? {}), Object.keys((await ask(path, "GET", "/status")).body));
  assert.match((await ctl("-s", path, "config")).stdout, /^workers +2 +-w$/m);
  assert.match((await ctl("-s", path, "config")).stdout, /^controlSocketMode +0600 +default$/m);
  assert.equal((await ctl("-s", path, "scale", "1")).stdout, "1 worker(s) instead of 2\n");
  assert.match((await ctl("-s", path, "recycle", "9")).stderr, /there is no worker 9/);
  assert.equal((await ctl("-s", path, "reopen")).code, 0);
  assert.deepEqual(await ctl("-s", path, "scal"), {
    code: 2,
    stdout: "",
    stderr: "tgunicornctl: scal: unknown command; did you mean scale? See tgunicornctl --help\n",
  });
  assert.equal((await ctl("status")).code, 2);
  assert.equal(
    (await ctl("-s", path, "scale")).stderr,
    "tgunicornctl: scale needs N. See tgunicornctl --help\n",
  );
  assert.equal(
    (await ctl("-s", path, "scale", "-3")).stderr,
    "tgunicornctl: scale: -3 is no number of workers\n",
  );
  // Whatever happens, --json is JSON, and says why not.
  const errors = [
    await ctl("-s", path, "--json", "recycle", "9"),
    await ctl("-s", `${path}.none`, "--json", "status"),
    await ctl("-s", pidfile, "-j", "status"),
  ].map(({ code, stdout, stderr }) => {
    const told: unknown = JSON.parse(stdout);
    assert.ok(typeof told === "object" && told !== null && "error" in told);
    assert.equal(stderr, `tgunicornctl: ${told.error}\n`);
    return [code, String(told.error).slice(0, 24)];
  });
  assert.deepEqual(errors, [
    [1, "there is no worker 9; th"],
    [1, "There is no control sock"],
    [1, `${pidfile} is no control socket`.slice(0, 24)],
  ]);
  for (const words of [["--json", "top"], ["--quick", "status"], ["--no-wait", "scale", "1"], ["--pid"]])
    assert.equal((await ctl("-s", path, ...words)).code, 2, words.join(" "));
  assert.match((await ctl("--help")).stdout, /^Usage: tgunicornctl/);
  assert.equal((await ctl("-p", pidfile, "stop")).stdout, "Stopped\n");
  await server.stop();
  const gone = await ctl("-p", pidfile, "status");
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /There is no control socket at \S+app\.ctl.*There is no \S+app\.pid either/);
});

for (const kind of [
  ["-k", "eventloop"],
  ["-k", "threaded", "--threads", "2"],
]) {
  test(`${kind.join(" ")}: a stuck worker's requests and stack are told while it is stuck`, async (t) => {
    const app = `export const app = (request, response) => {
  process.stderr.write("STUCK\\n");
  for (;;);
};`;
    const { server, path } = await controlled(t, [...kind, "-t", "600"], {
      files: { "app.mjs": app },
      // A busy machine may take longer to end a thread.
      expected: [/Killing/, /does not end/, /Worker left: .* SIGKILL/],
    });
    const url = await server.url("/stuck?1");
    const cut = [get(url).catch(() => "cut"), get(url).catch(() => "cut")];
    await server.saw(/STUCK/, 1);
    const stuckOf = async (): Promise<string> => {
      for (;;) {
        const { list } = await ask(path, "GET", "/workers");
        const one = list.find(({ requests }) => JSON.stringify(requests ?? "").includes("GET /stuck?1"));
        if (one !== undefined) return `pid=${one.pid}`;
      }
    };
    const pid = await stuckOf();
    // Whoever looks has not much patience: a busy machine may need a second look.
    const stackOf = async (): Promise<string> => {
      for (let attempt = 1; ; attempt++) {
        const { status, body } = await ask(path, "GET", `/workers/${pid}/stack`);
        const text = JSON.stringify(body);
        if (!text.includes("at app") && attempt < 10) continue;
        assert.equal(status, 200);
        return text;
      }
    };
    assert.match(await stackOf(), /at app \(\S+app\.mjs:3:/);
    const crowd = await Promise.all(
      Array.from({ length: 100 }, () => ask(path, "GET", `/workers/${pid}/stack`)),
    );
    for (const { status, body } of crowd)
      if (status !== 200)
        assert.match(String(body.error), /has not answered within 3 s: the machine is busy/);
    const shown = await ctl("-s", path, "stack", pid);
    // Any of a worker's threads may have taken it.
    assert.match(shown.stdout, /^worker=\d gen=1 pid=\d+.*\n {2}GET \/stuck\?1 from 127\.0\.0\.1:\d+ for /m);
    assert.match((await ctl("-s", path, "workers")).stdout, /\d, GET \/stuck\?1 for \d/);
    assert.equal((await ctl("-s", path, "stop", "--quick")).code, 0);
    assert.deepEqual(await Promise.all(cut), ["cut", "cut"]);
    await server.stop();
  });
}

test("without a watchdog nobody is asked, and the answer says so", async (t) => {
  const { server, path } = await controlled(t, ["--no-watchdog"]);
  const { status, body } = await ask(path, "GET", "/workers/1/stack");
  assert.equal(status, 503);
  assert.match(String(body.error), /worker=1 .* it has no watchdog/);
  assert.equal((await ask(path, "GET", "/workers/1")).body.requests, null);
  await server.stop();
});

for (const kind of [[], ["-k", "threaded", "--threads", "2"]]) {
  test(`${kind.join(" ") || "sync"}: the log's level changes at run time, for later workers too, until a reload`, async (t) => {
    const files = {
      "app.mjs": APP,
      "gunicorn.conf.mjs": `export default { postFork: (server, worker) => {
  const every = setInterval(() => { worker.log.debug("whisper of " + process.pid); }, 20);
  every.unref();
} };`,
    };
    const given = ["-w", "1", "-b", "127.0.0.1:0", "-p", "app.pid", "--log-level", "info", "app:app"];
    const server = start(t, [...kind, ...given], { files });
    await server.saw(/Control socket: /);
    const path = join(server.dir, "app.ctl");
    while ((await ask(path, "GET", "/status")).body.phase !== "running");
    assert.deepEqual((await ask(path, "POST", "/loglevel", { level: "loud" })).status, 400);
    assert.equal(server.count(/whisper/), 0);
    assert.equal((await ctl("-s", path, "loglevel", "debug")).stdout, "debug instead of info\n");
    const [, first] = await server.saw(/whisper of (\d+)/);
    // The socket is there before a worker that takes long to boot.
    while ((await ask(path, "GET", "/workers")).list[0]?.phase !== "serving");
    assert.equal((await ask(path, "POST", "/workers/1/recycle")).status, 202);
    await server.saw(new RegExp(`Worker exited: .*pid=${first}`));
    const [, second] = await server.saw(/Ready worker=1 gen=1 pid=(\d+)/);
    await server.saw(new RegExp(`whisper of ${second}`));
    assert.equal((await ask(path, "POST", "/reload")).status, 200);
    assert.equal((await ask(path, "POST", "/loglevel", { level: "warning" })).body.before, "info");
    await server.stop();
  });
}
