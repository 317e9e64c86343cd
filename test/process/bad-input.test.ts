// Each mistake ends with a clear message that names its origin, the right exit status and no stack trace.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { FIXTURES, type StartOptions, start, within } from "./server.ts";

const APP = `${join(FIXTURES, "apps.mjs")}:pid`;
const LOCAL = ["-b", "127.0.0.1:0"];

interface Outcome {
  readonly code: number | null;
  readonly text: string;
  readonly dir: string;
}

async function fails(t: TestContext, args: readonly string[], options: StartOptions = {}): Promise<Outcome> {
  const server = start(t, args, options);
  const { code } = await within(server.exited, "the exit", server.log);
  return { code, text: server.log() + server.stdout(), dir: server.dir };
}

/** A message for the user, and not the insides of the server. */
function assertPlain(outcome: Outcome, status: number, ...patterns: RegExp[]): void {
  assert.equal(outcome.code, status, outcome.text);
  for (const pattern of patterns) assert.match(outcome.text, pattern);
  assert.doesNotMatch(outcome.text, /\n\s+at .*(build\/src|dist)\//, "a stack trace of the server's own");
}

/** How often a message is said: once, however many workers there are. */
function times(text: string, pattern: RegExp): number {
  return [...text.matchAll(new RegExp(pattern, "g"))].length;
}

test("a configuration file that is not valid JSON, on a terminal with colours", async (t) => {
  const outcome = await fails(t, ["-c", "bad.json", ...LOCAL, APP], {
    files: { "bad.json": '{\n  "workers": 3,\n}' },
    env: { FORCE_COLOR: "1" },
  });
  assertPlain(outcome, 1, /bad\.json:3: not valid JSON/);
});

test("no application", async (t) => {
  assertPlain(await fails(t, LOCAL), 1, /No application module specified/);
});

test("an application that does not exist", async (t) => {
  const outcome = await fails(t, ["-w", "4", ...LOCAL, "nowhere:app"]);
  assertPlain(outcome, 4, /nowhere/, /App failed to load/);
  assert.equal(times(outcome.text, /\[ERROR\]/), 1, outcome.text);
});

test("an application without the attribute", async (t) => {
  const outcome = await fails(t, [...LOCAL, "app.mjs:ap"], {
    files: { "app.mjs": "export const app = (req, res) => res.end();" },
  });
  assertPlain(outcome, 4, /\bap\b/, /did you mean.*app/i);
});

test("an application that throws at import", async (t) => {
  const outcome = await fails(t, ["-w", "3", ...LOCAL, "app:app"], {
    files: {
      "app.ts": "const fine: number = 1;\n\nthrow new Error('no database');\nexport const app = fine;\n",
    },
  });
  assertPlain(outcome, 4, /no database/, /app\.ts:3/);
  assert.equal(times(outcome.text, /Error: no database/), 1, outcome.text);
});

test("an application with a syntax error", async (t) => {
  const outcome = await fails(t, [...LOCAL, "app:app"], {
    files: { "app.ts": "const a = 1;\nexport const app = (;\n" },
  });
  assertPlain(outcome, 4, /app\.ts/, /2/);
});

test("a CommonJS module that fails in an application's import", async (t) => {
  const files = {
    "app.mjs": 'import "./part.cjs";\nexport const app = () => {};',
    "part.cjs": "throw new Error('in part');",
  };
  for (const kind of [["sync"], ["threaded", "--threads", "2"]]) {
    const outcome = await fails(t, [...LOCAL, "-w", "3", "-k", ...kind, "app.mjs:app"], { files });
    assertPlain(outcome, 4, /Error while loading the application/, /Error: in part\s+at .*part\.cjs:1/);
    assert.equal(times(outcome.text, /in part/), 1, outcome.text);
  }
});

test("an application that never finishes importing", async (t) => {
  const outcome = await fails(t, [...LOCAL, "-w", "2", "--boot-timeout", "2", "app.mjs:app"], {
    files: { "app.mjs": "setInterval(() => {}, 1000); await new Promise(() => {}); export const app = 1;" },
  });
  assertPlain(outcome, 3, /not ready in time/, /Worker failed to boot/);
  assert.equal(times(outcome.text, /Boot timeout/), 1, outcome.text);
});

test("an application that blocks for ever while importing", async (t) => {
  const outcome = await fails(t, [...LOCAL, "--boot-timeout", "2", "app.mjs:app"], {
    files: { "app.mjs": "for (;;);" },
  });
  assertPlain(outcome, 3, /not ready in time/, /Worker failed to boot/);
});

test("an application of the wrong shape", async (t) => {
  for (const shape of ["{}", "42", "class App {}", "(one) => one", "null"]) {
    const outcome = await fails(t, [...LOCAL, "app.mjs:app"], {
      files: { "app.mjs": `export const app = ${shape};` },
    });
    assertPlain(outcome, 4, /application/, /\(req, res\)|--interface fetch|it is null/);
  }
});

test("a worker that exits while it boots", async (t) => {
  const outcome = await fails(t, ["-w", "2", ...LOCAL, "app.mjs:app"], {
    files: { "app.mjs": "process.exit(7);" },
  });
  assertPlain(outcome, 3, /exited with code 7 while booting/, /Worker failed to boot/);
});

test("a configuration with a syntax error", async (t) => {
  const outcome = await fails(t, [APP], {
    files: { "gunicorn.conf.ts": "export default {\n  workers: 2,\n  bind: [,\n" },
  });
  assertPlain(outcome, 1, /gunicorn\.conf\.ts:\d/);
});

test("a configuration that throws", async (t) => {
  const files = { "gunicorn.conf.ts": "export default {};\n\nthrow new Error('no secret set');\n" };
  assertPlain(await fails(t, [APP], { files }), 1, /gunicorn\.conf\.ts:3/, /no secret set/);
});

test("a configuration with wrong types and names: all at once, each with its origin", async (t) => {
  const outcome = await fails(t, [APP, "--timeout", "-1"], {
    files: { "gunicorn.conf.ts": "export default { workers: 'many', wrokerClass: 'sync', keepalive: -2 };" },
    env: { GUNICORN_CMD_ARGS: "--backlog few" },
  });
  assertPlain(
    outcome,
    1,
    /gunicorn\.conf\.ts: workers: expected a whole number >= 0, got "many"/,
    /gunicorn\.conf\.ts: .*wrokerClass.*workerClass/,
    /gunicorn\.conf\.ts: keepalive: .*-2/,
    /GUNICORN_CMD_ARGS: backlog: .*few/,
    /--timeout: .*-1/,
  );
});

test("an unknown flag", async (t) => {
  assertPlain(await fails(t, ["--wrokers", "4", APP]), 2, /--wrokers/, /--workers/);
});

test("GUNICORN_CMD_ARGS with an unclosed quote", async (t) => {
  const outcome = await fails(t, [APP], { env: { GUNICORN_CMD_ARGS: "--name 'half" } });
  assertPlain(outcome, 2, /GUNICORN_CMD_ARGS/, /quote/);
});

test("an unknown worker class", async (t) => {
  assertPlain(await fails(t, ["-k", "evntloop", ...LOCAL, APP]), 1, /evntloop/, /eventloop/);
});

test("a worker class of the user's that does not load is told with the line, by --check-config as by a start", async (t) => {
  const files = {
    "throws.mjs": "\nthrow new Error('in class');",
    "syntax.mjs": "\nexport default { name: };",
    "exits.mjs": "\nprocess.exit(0);",
    "other.mjs": "export default 3;",
  };
  for (const [name, ...patterns] of [
    ["throws.mjs", /throws\.mjs: it can't be loaded:\n.*in class/, /throws\.mjs:2/],
    ["syntax.mjs", /syntax\.mjs:2/, /SyntaxError/],
    ["other.mjs", /is no worker class/],
    ["exits.mjs", /exits\.mjs:2/],
  ] as const) {
    const check = await fails(t, ["--check-config", "-k", `./${name}`, ...LOCAL, APP], { files });
    assertPlain(check, 1, /^Error: -k: workerClass: /m, ...patterns);
    if (name === "exits.mjs") continue; // in a worker it is the worker that exits
    assertPlain(await fails(t, ["-k", `./${name}`, ...LOCAL, APP], { files }), 3, ...patterns);
  }
});

test("a port in use", async (t) => {
  const taken = net.createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await new Promise((resolve) => taken.once("listening", resolve));
  const address = taken.address();
  assert.ok(address !== null && typeof address === "object");
  const outcome = await fails(t, ["-b", `127.0.0.1:${address.port}`, APP]);
  assertPlain(outcome, 1, new RegExp(`Can't connect to .*${address.port}`));
  assert.equal(times(outcome.text, /Connection in use/), 5);
});

test("a port without permission", {
  skip: process.getuid?.() !== 0 && "needs root to become another user",
}, async (t) => {
  const { spawnSync } = await import("node:child_process");
  const main = join(import.meta.dirname, "../../../dist/main.js");
  // Root may bind any port, so the server is started as nobody, in a network namespace of the kernel's defaults.
  const run = spawnSync(process.execPath, [main, "-b", "127.0.0.1:80", APP], {
    uid: 65534,
    gid: 65534,
    encoding: "utf8",
    timeout: 15_000,
  });
  if (run.status === null || /Listening at/.test(run.stderr))
    return t.skip("unprivileged ports start below 80 here");
  assertPlain({ code: run.status, text: run.stderr, dir: "" }, 1, /127\.0\.0\.1:80/, /permission/i);
});

test("an address of another machine", async (t) => {
  assertPlain(await fails(t, ["-b", "192.0.2.1:0", APP]), 1, /192\.0\.2\.1/);
});

test("a pid file that can't be written", async (t) => {
  assertPlain(
    await fails(t, ["-p", "missing/server.pid", ...LOCAL, APP]),
    1,
    /pidfile/,
    /missing\/server\.pid/,
  );
});

test("a pid file of a live process, which is left alone", async (t) => {
  const outcome = await fails(t, ["-p", "server.pid", ...LOCAL, APP], {
    files: { "server.pid": `${process.pid}\n` },
  });
  assertPlain(outcome, 1, new RegExp(`Already running on PID ${process.pid}`));
  assert.equal(readFileSync(join(outcome.dir, "server.pid"), "utf8"), `${process.pid}\n`);
});

test("a stale pid file is taken over", async (t) => {
  // The pid of a process that has been reaped.
  const { spawnSync } = await import("node:child_process");
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  const server = start(t, ["-p", "server.pid", ...LOCAL, "--log-level", "debug", APP], {
    files: { "server.pid": `${dead}\n` },
  });
  await server.saw(/Ready worker/);
  assert.equal(readFileSync(join(server.dir, "server.pid"), "utf8"), `${server.pid}\n`);
  await server.stop();
});

test("a log that can't be written", async (t) => {
  assertPlain(
    await fails(t, ["--error-logfile", "missing/error.log", ...LOCAL, APP]),
    1,
    /errorlog/,
    /missing\/error\.log/,
  );
  assertPlain(
    await fails(t, ["--access-logfile", "missing/access.log", ...LOCAL, APP]),
    1,
    /accesslog/,
    /missing\/access\.log/,
  );
});

test("an access log format with an atom that does not exist", async (t) => {
  const args = ["--access-logfile", "access.log", "--access-logformat", "%(h)s %(nope)s", ...LOCAL, APP];
  assertPlain(await fails(t, args), 1, /accessLogFormat/, /nope/);
  const unused = ["--access-logformat", "%(h)s %(nope)s", ...LOCAL, APP];
  assertPlain(await fails(t, unused), 1, /accessLogFormat/, /nope/);
});

test("a unix path that is a regular file is never unlinked", async (t) => {
  const outcome = await fails(t, ["-b", "unix:app.sock", APP], { files: { "app.sock": "precious" } });
  assertPlain(outcome, 1, /app\.sock/, /not a socket/);
  assert.equal(readFileSync(join(outcome.dir, "app.sock"), "utf8"), "precious");
});

test("a unix path in a directory that can't be written", {
  skip: process.getuid?.() === 0 && "root may write anywhere",
}, async (t) => {
  const server = start(t, ["-b", "unix:locked/app.sock", APP], { files: { "locked/keep": "" } });
  mkdirSync(join(server.dir, "locked"), { recursive: true });
  chmodSync(join(server.dir, "locked"), 0o500);
  const { code } = await server.exited;
  assert.equal(code, 1);
});

test("no workers: connections wait, and TTIN lets them in", async (t) => {
  const server = start(t, ["-w", "0", ...LOCAL, "--log-level", "debug", APP], { expected: [/no workers/] });
  await server.saw(/There are no workers/);
  const answer = fetch(await server.url());
  server.signal("SIGTTIN");
  assert.equal((await answer).status, 200);
  await server.stop();
});

test("negative and absurd numbers", async (t) => {
  for (const [flag, value] of [
    ["--timeout", "-1"],
    ["--graceful-timeout", "-0.5"],
    ["--keep-alive", "soon"],
    ["--workers", "-2"],
    ["--workers", "1.5"],
    ["--backlog", ""],
  ] as const) {
    assertPlain(await fails(t, [flag, value, ...LOCAL, APP]), 1, new RegExp(`${flag}: `));
  }
});

test("what only the machine can tell is told all at once, too, each with its origin", async (t) => {
  const outcome = await fails(t, ["-k", "foo", "-u", "nobody-of-this-name", "-p", "/nope/server.pid", APP], {
    files: {
      "gunicorn.conf.mjs":
        'export default { accesslog: "/nope/a", accessLogFormat: "%(nope)s", errorlog: "/nope/e" };',
    },
  });
  assertPlain(
    outcome,
    1,
    /-k: workerClass: unknown worker class "foo"/,
    /gunicorn\.conf\.mjs: accesslog: \/nope\/a can't be written/,
    /gunicorn\.conf\.mjs: errorlog: \/nope\/e can't be written/,
    /gunicorn\.conf\.mjs: accessLogFormat: .*nope/,
    /-p: pidfile: can't write \/nope\/server\.pid/,
    /-u: user: no such user: "nobody-of-this-name"/,
  );
  assertPlain(
    await fails(t, ["--chdir", "/nope", APP]),
    1,
    /^Error: --chdir: chdir: can't change to \/nope: it does not exist$/m,
  );
});

test("what only opening can tell has its origin as well", async (t) => {
  const outcome = await fails(t, ["--log-file", "unread.fifo", APP], {
    script: 'mkfifo unread.fifo; exec "$@"',
  });
  assertPlain(outcome, 1, /^Error: --log-file: errorlog: unread\.fifo can't be written: nothing reads/m);
});

test("a user that does not exist, a directory that does not exist", async (t) => {
  assertPlain(await fails(t, ["-u", "nobody-of-this-name", ...LOCAL, APP]), 1, /nobody-of-this-name/);
  assertPlain(await fails(t, ["--chdir", "no/such/place", ...LOCAL, APP]), 1, /no\/such\/place/);
});

test("--check-config says nothing where all is well, and everything where it is not", async (t) => {
  const good = await fails(t, ["--check-config", ...LOCAL, APP]);
  assert.equal(good.code, 0, good.text);
  assert.equal(good.text, "");
  const bad = await fails(
    t,
    ["--check-config", "-b", "unix:file", "-k", "snyc", "-p", "missing/pid", "nowhere:app"],
    {
      files: { file: "" },
    },
  );
  assertPlain(bad, 1, /not a socket/, /snyc.*sync/, /missing/, /nowhere/);
});

test("--check-config takes a relative socket for one below --chdir", async (t) => {
  const args = ["--check-config", "--chdir", "sub", "-b", "unix:run/app.sock", APP];
  const good = await fails(t, args, { files: { "sub/run/keep": "" } });
  assert.deepEqual([good.code, good.text], [0, ""]);
  const bad = await fails(t, args, { files: { "run/keep": "", "sub/keep": "" } });
  assertPlain(bad, 1, /-b: bind: unix:run\/app\.sock: /);
});

test("an application that exits while it is imported fails its check, as it fails a start", async (t) => {
  for (const question of ["--check-config", "--print-config"]) {
    for (const text of [
      "\nprocess.exit(0);",
      "\nawait null; process.exit(7);",
      "\nsetImmediate(() => process.exit()); await new Promise(() => {});",
    ]) {
      const outcome = await fails(t, [question, "--boot-timeout", "5", ...LOCAL, "app.mjs:app"], {
        files: { "app.mjs": text },
      });
      assertPlain(outcome, 1, /process\.exit\([07]?\) was called/, /app\.mjs:2/);
    }
  }
});

test("--print-config shows each value with its origin, then loads the application", async (t) => {
  const options = {
    env: { GUNICORN_CMD_ARGS: "--workers 4" },
    files: { "gunicorn.conf.json": '{"timeout": 7}' },
  };
  const good = await fails(t, ["--print-config", ...LOCAL, APP], options);
  assert.equal(good.code, 0, good.text);
  assert.match(good.text, /^workers\s+= 4\s+# GUNICORN_CMD_ARGS$/m);
  assert.match(good.text, /^timeout\s+= 7\s+# gunicorn\.conf\.json$/m);
  const names = [...good.text.matchAll(/^(\w+)\s+= /gm)].map((match) => match[1]);
  assert.deepEqual(names, [...names].sort());
  const json: unknown = JSON.parse((await fails(t, ["--print-config=json", ...LOCAL, APP], options)).text);
  assert.ok(typeof json === "object" && json !== null && "workers" in json);
  assert.deepEqual(json.workers, { value: 4, origin: "GUNICORN_CMD_ARGS" });
  const bad = await fails(t, ["--print-config", ...LOCAL, "nowhere:app"], options);
  assertPlain(bad, 1, /^workers\s+= 4/m, /nowhere/);
});

test("an empty or half-written configuration file is no crash", async (t) => {
  const outcome = await fails(t, [...LOCAL, APP], { files: { "gunicorn.conf.json": '{"workers": ' } });
  assertPlain(outcome, 1, /gunicorn\.conf\.json/);
});
