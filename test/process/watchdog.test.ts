// Workers whose loop is stuck: they are killed, and the log says what they were doing.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { answers } from "../../src/os/unix-path.ts";
import { get, ready } from "./client.ts";
import { ask, ctl } from "./ctl.ts";
import { ended, FIXTURES, type Server, start } from "./server.ts";
import { DOES_TELL } from "./tells.ts";

const LIMITS = join(FIXTURES, "limits.mjs");
const COMMON = ["-b", "127.0.0.1:0", "--log-level", "debug"];
const KILLED = [/WORKER TIMEOUT/, /Event loop stuck/, /Killing worker/];

/** Long enough that a worker which only waits for a processor is not taken for a stuck one. */
const TIMEOUT = ["-t", "2"];
/** Those and the 2 s that a kill may take after them; and as long again, for a machine that is busy. */
const IN_TIME = 8_000;

/** The kill waits a second for the watchdog and no longer, and a busy machine may not let it run before. */
const TRIES = 5;

interface Outcome {
  readonly pid: number;
  /** The block that tells of the stuck worker, whole. */
  readonly block: string;
  /** Milliseconds from the request to the loss of its connection. */
  readonly took: number;
}

/** Has one worker after the other get stuck until the log tells of it as `expected`, or `TRIES` of them have. */
async function stick(server: Server, path: string, expected: RegExp): Promise<Outcome> {
  const url = await server.url(path);
  for (let attempt = 1; ; attempt++) {
    await ready(server, attempt);
    const began = performance.now();
    await assert.rejects(get(url));
    const took = performance.now() - began;
    await server.saw(/Killing worker/, attempt);
    const pid = server.workerPids()[attempt - 1] ?? 0;
    const told = new RegExp(`\\[CRITICAL\\] (Event loop stuck[^\\n]* pid=${pid}\\n(?: {2}[^\\n]*\\n)*)`);
    const block = told.exec(server.log())?.[1]?.trimEnd() ?? server.log();
    if ((expected.test(block) && took < IN_TIME) || attempt === TRIES) {
      assert.match(block, expected);
      return { pid, block, took };
    }
  }
}

for (const kind of ["sync", "eventloop"]) {
  for (const name of ["node", "fetch", "wsgi", "asgi"]) {
    test(`${kind}, ${name}: a loop without end is killed in time, its stack in the log`, async (t) => {
      const args = [...COMMON, "-k", kind, ...TIMEOUT, "--interface", name, `${LIMITS}:${name}`];
      const server = start(t, args, { expected: KILLED });
      const stack = /\n {2}JavaScript stack:\n {4}at spin \(\/.*limits\.mjs:\d+:\d+\)\n {4}at block \(/;
      const { pid, block, took } = await stick(server, "/loop", stack);
      assert.ok(took < IN_TIME, `${took} ms`);
      assert.match(block, new RegExp(`^Event loop stuck for \\d+\\.\\d s: worker=1 gen=1 pid=${pid}\\n`));
      assert.match(block, /\n {2}requests in flight:\n {4}GET \/loop from 127\.0\.0\.1:\d+ for \d+\.\d+ s\n/);
      assert.doesNotMatch(block, /node:|workers\/pulse/, "only the application's part of the stack");
      await ready(server, server.count(/Killing worker/) + 1);
      assert.equal((await get(await server.url())).body, "hello");
      await server.stop();
    });
  }
}

for (const path of ["/regexp", "/atomics"]) {
  test(`${path}: the code that never returns is found`, async (t) => {
    const server = start(t, [...COMMON, "-k", "eventloop", ...TIMEOUT, `${LIMITS}:node`], {
      expected: KILLED,
    });
    await stick(server, path, /\n {2}JavaScript stack:\n {4}at block \(\/.*limits\.mjs:\d+:\d+\)\n/);
    await server.stop();
  });
}

/** What is said of native code where the system tells what it does. */
const native = (doing: string): RegExp =>
  new RegExp(
    `\\n {2}blocked in native code${DOES_TELL ? ` \\(${doing}\\)` : ""}, no JavaScript stack could be taken$`,
  );

test("native code is told of with what it does", async (t) => {
  const server = start(t, [...COMMON, "-k", "eventloop", ...TIMEOUT, "app.mjs:app"], {
    files: {
      "app.mjs": `
      import { openSync, readSync } from "node:fs";
      export function app(req, res) {
        if (req.url === "/read") readSync(openSync("fifo", "r+"), Buffer.alloc(1));
        res.end();
      }`,
    },
    expected: KILLED,
    leaves: ["fifo"],
  });
  execFileSync("mkfifo", [join(server.dir, "fifo")]);
  await stick(server, "/read", native("read of \\/.*\\/fifo"));
  await server.stop();
});

test("a synchronous read is native code: no stack, and no delay of the kill", async (t) => {
  const server = start(t, [...COMMON, "-k", "eventloop", ...TIMEOUT, `${LIMITS}:node`], {
    env: { FIFO: "fifo" },
    expected: KILLED,
    leaves: ["fifo"],
  });
  execFileSync("mkfifo", [join(server.dir, "fifo")]);
  const { block, took } = await stick(server, "/read", native("open(at)? of fifo"));
  assert.match(block, /\n {4}GET \/read from /);
  assert.ok(took < IN_TIME, `${took} ms`);
  await server.stop();
});

test("code that was asked for its stack in vain goes on undisturbed", async (t) => {
  const args = [...COMMON, "-k", "eventloop", "--slow-request", "0.2", `${LIMITS}:node`];
  const server = start(t, args, { env: { FIFO: "fifo" }, expected: [/Slow request/], leaves: ["fifo"] });
  const fifo = join(server.dir, "fifo");
  execFileSync("mkfifo", [fifo]);
  await ready(server, 1);
  const answer = get(await server.url("/read"));
  await server.saw(/Slow request: GET \/read .*\n.*\n.*\n {2}blocked in native code/);
  writeFileSync(fifo, "enough");
  assert.equal((await answer).body, "hello");
  assert.equal((await get(await server.url("/"))).body, "hello");
  await server.stop();
  assert.equal(server.workerPids().length, 1);
});

test("--no-watchdog kills as well, and tells nothing", async (t) => {
  const server = start(t, [...COMMON, "-k", "eventloop", ...TIMEOUT, "--no-watchdog", `${LIMITS}:node`], {
    expected: [/WORKER TIMEOUT/, /Killing worker/],
  });
  await ready(server, 1);
  await assert.rejects(get(await server.url("/loop")));
  await ready(server, 2);
  assert.equal(server.count(/stack/), 0);
  await server.stop();
});

test("a request that blocks the loop for a while is slow, with the stack that blocks it", async (t) => {
  // A capture has its patience.
  for (let attempt = 1; ; attempt++) {
    const server = start(t, [...COMMON, "-k", "eventloop", "--slow-request", "0.3", "app.mjs:app"], {
      files: {
        "app.mjs": `
        import { existsSync } from "node:fs";
        function work() { while (!existsSync("enough")); }
        export const app = (req, res) => { work(); res.end("done"); };`,
      },
      expected: [/Slow request/],
      leaves: ["enough"],
    });
    await ready(server, 1);
    const answer = get(await server.url("/work?a=1"));
    const [block] = await server.saw(/Slow request: .*\n(?: {2}.*\n)*/);
    execFileSync("touch", [join(server.dir, "enough")]);
    assert.equal((await answer).body, "done");
    await get(await server.url("/again"));
    assert.equal(server.count(/Slow request/), 1);
    await server.stop();
    if (!block.includes("at app") && attempt < TRIES) continue;
    assert.match(block, /^Slow request: GET \/work\?a=1 for \d+\.\d+ s: worker=1 gen=1 pid=\d+\n/);
    assert.match(block, /\n {2}JavaScript stack:\n(.*\n)*? {4}at work \(\/.*app\.mjs:3:\d+\)\n/);
    return;
  }
});

test("what the watchdog tells has the level that is set at run time", async (t) => {
  const quiet = ["-k", "eventloop", "-b", "127.0.0.1:0", "-p", "app.pid", "--log-level", "critical"];
  const server = start(t, [...quiet, "--slow-request", "0.3", "app.mjs:app"], {
    files: {
      "app.mjs": `
        import { existsSync } from "node:fs";
        export const app = (req, res) => { while (!existsSync("enough")); res.end("done"); };`,
    },
    expected: [/Slow request/],
    leaves: ["enough"],
  });
  const path = join(server.dir, "app.ctl");
  // The path is there a moment before somebody listens on it.
  while (!(await answers(path))) await setImmediate();
  while ((await ask(path, "GET", "/workers")).list[0]?.phase !== "serving");
  const { listeners } = (await ask(path, "GET", "/status")).body;
  await ctl("-s", path, "loglevel", "warning");
  const answer = get(String(listeners));
  await server.saw(/Slow request: /);
  writeFileSync(join(server.dir, "enough"), "");
  assert.equal((await answer).body, "done");
  await server.stop();
});

test("a TypeScript application's stack is that of its source", async (t) => {
  const server = start(t, [...COMMON, "-k", "eventloop", ...TIMEOUT, "app.ts:app"], {
    files: {
      "app.ts": `import type { IncomingMessage, ServerResponse } from "node:http";

interface Fuel {
  readonly left: number;
}

function burn(fuel: Fuel): void {
  while (fuel.left > 0) {
    if (fuel.left < 0) return;
  }
}

export function app(req: IncomingMessage, res: ServerResponse): void {
  if (req.url === "/loop") burn({ left: 1 });
  res.end("hello");
}
`,
    },
    expected: KILLED,
  });
  const stack = /\n {4}at burn \(\/.*\/app\.ts:[89]:\d+\)\n {4}at app \(\/.*\/app\.ts:14:\d+\)$/m;
  await stick(server, "/loop", stack);
  await server.stop();
});

test("a compiled application's stack is that of its source, where it has a source map", async (t) => {
  const map = {
    version: 3,
    file: "app.mjs",
    sources: ["src/app.ts"],
    names: [],
    // Line 2 of the output is line 11 of the source, and line 3 line 21.
    mappings: ";AAUA;AAUA",
  };
  const code = [
    "// compiled",
    "function burn() { for (;;); }",
    "export const app = (req, res) => { if (req.url === '/loop') burn(); res.end(); };",
    "//# sourceMappingURL=app.mjs.map",
  ];
  const server = start(t, [...COMMON, "-k", "eventloop", ...TIMEOUT, "app.mjs:app"], {
    files: { "app.mjs": code.join("\n"), "app.mjs.map": JSON.stringify(map) },
    expected: KILLED,
  });
  await stick(server, "/loop", /at burn \(\/.*src\/app\.ts:11:\d+\)\n {4}at app \(\/.*src\/app\.ts:21:\d+\)/);
  await server.stop();
});

test("an application that is one bundle of megabytes has its stack in the log, too", async (t) => {
  const segments = 1_000_000;
  const map = {
    version: 3,
    sources: ["src/app.ts"],
    names: [],
    // One line, a segment for every two columns: each is a line of the source further than the one before.
    mappings: `AAAA${",EACA".repeat(segments - 1)}`,
  };
  const code =
    `/*${"x".repeat(2 * segments - 120)}*/function burn(){for(;;);}` +
    "export const app=(req,res)=>{if(req.url==='/loop')burn();res.end()};\n//# sourceMappingURL=app.mjs.map";
  const server = start(t, [...COMMON, "-k", "eventloop", ...TIMEOUT, "app.mjs:app"], {
    files: { "app.mjs": code, "app.mjs.map": JSON.stringify(map) },
    expected: KILLED,
  });
  // On a very busy machine there may be no time to read the map.
  const stack =
    /at burn \(\/.*(src\/app\.ts:9999\d\d:1|app\.mjs:1:\d+)\)\n {4}at app \(\/.*(src\/app\.ts:9999\d\d:1|app\.mjs:1:\d+)\)$/;
  await stick(server, "/loop", stack);
  await server.stop();
});

test("a stuck worker does not outlive its arbiter", async (t) => {
  const limits = ["-t", "600", "--graceful-timeout", "1", "--slow-request", "0.2"];
  const server = start(t, [...COMMON, "-k", "eventloop", ...limits, `${LIMITS}:node`]);
  await ready(server, 1);
  const [pid] = server.workerPids();
  assert.ok(pid !== undefined);
  const lost = assert.rejects(get(await server.url("/loop")));
  await server.saw(/Slow request: GET \/loop/);
  server.signal("SIGKILL");
  await server.saw(/The arbiter is gone and the event loop stuck for [\d.]+ s, killed: worker=1/);
  await lost;
  await ended(pid);
});

test("a worker that is stuck while it boots does not outlive its arbiter, whatever gracefulTimeout is", async (t) => {
  const limits = ["--boot-timeout", "600", "--graceful-timeout", "600"];
  const server = start(t, [...COMMON, "-k", "eventloop", ...limits, "app.mjs:app"], {
    files: { "app.mjs": "process.stderr.write('IN\\n'); for (;;);" },
  });
  await server.saw(/^IN$/m);
  await server.saw(/Booting worker/);
  const [pid] = server.workerPids();
  assert.ok(pid !== undefined);
  server.signal("SIGKILL");
  await ended(pid);
});

test("a worker that gets stuck while it drains is ended after its timeout", async (t) => {
  const limits = ["-t", "2", "--graceful-timeout", "600"];
  const server = start(t, [...COMMON, "-k", "eventloop", ...limits, "app.mjs:app"], {
    files: {
      "app.mjs": `export const app = (req, res) => {
        if (req.url !== "/stick") return res.end("hello");
        process.once("SIGWINCH", () => { for (;;); });
        process.stderr.write("IN\\n");
      };`,
    },
    expected: KILLED,
  });
  await ready(server, 1);
  const lost = assert.rejects(get(await server.url("/stick")));
  await server.saw(/^IN$/m);
  const [pid = 0] = server.workerPids();
  server.signal("SIGHUP");
  await server.saw(/Draining worker=1 gen=1/);
  process.kill(pid, "SIGWINCH");
  await server.saw(/WORKER TIMEOUT \(worker=1 gen=1/);
  await lost;
  await ended(pid);
  await server.stop();
});

test("an application that blocks its own start is told of before it is killed", async (t) => {
  // The kill does not wait for the watchdog.
  for (let attempt = 1; ; attempt++) {
    const server = start(t, [...COMMON, "--boot-timeout", String(4 * attempt), "app.mjs:app"], {
      files: { "app.mjs": "function forever() { for (;;); }\nforever();\nexport const app = () => {};" },
    });
    await server.saw(/Boot timeout/);
    assert.equal((await server.exited).code, 3);
    const block = /\[ERROR\] (Boot blocked[^\n]*(?:\n {2}[^\n]*)*)/.exec(server.log())?.[1];
    if (!block?.includes("at forever") && attempt < TRIES) continue;
    assert.ok(block !== undefined, server.log());
    assert.match(block, /^Boot blocked for [\d.]+ s: worker=1 gen=1 pid=\d+\n {2}no request in flight\n/);
    assert.match(block, /\n {4}at forever \(\/.*app\.mjs:1:\d+\)\n {4}at \/.*app\.mjs:2:1$/);
    return;
  }
});

test("where a debugger may be attached it is not disturbed", async (t) => {
  const server = start(t, [...COMMON, "-k", "eventloop", ...TIMEOUT, "app.mjs:app"], {
    files: {
      "app.mjs": `
        import inspector from "node:inspector";
        inspector.open(0, "127.0.0.1");
        export const app = (req, res) => { for (;;); };`,
    },
    expected: KILLED,
  });
  await stick(server, "/loop", /\n {2}a debugger may be attached, no JavaScript stack was taken$/);
  await server.stop();
});
