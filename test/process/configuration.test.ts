// A configuration file is code of the user's in the arbiter's process: whatever it does, what serves goes on.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { FIXTURES, isAlive, type Server, start, within } from "./server.ts";

const NAME = "gunicorn.conf.mjs";
const SETTINGS = `app: ${JSON.stringify(`${join(FIXTURES, "apps.mjs")}:pid`)}, bind: "127.0.0.1:0", loglevel: "debug"`;

function reload(server: Server, text: string): void {
  writeFileSync(join(server.dir, NAME), text);
  server.signal("SIGHUP");
}

test("process.exit in the file gives a reload up, and is an error at the start", async (t) => {
  const server = start(t, [], {
    files: { [NAME]: `export default { ${SETTINGS} }` },
    expected: [/Reload aborted/],
  });
  await ready(server, 1);
  const leave = [
    "if (true) {\n  process.exit(3);\n}",
    "export default async () => {\n  process.exit();\n}",
    "const late = async () => {\n  await null; process.exit(3);\n}\nawait late()",
  ];
  for (const [at, text] of leave.entries()) {
    reload(server, text);
    const [, place] = await server.saw(
      /generation 1 serves on: (\S+) Error: process\.exit\(3?\) was called/,
      at + 1,
    );
    assert.equal(place, `${NAME}:2:`);
  }
  assert.equal((await get(await server.url())).status, 200);
  await server.stop();

  const other = start(t, [], { files: { [NAME]: "process.exit(0);" } });
  assert.deepEqual(await other.exited, { code: 1, signal: null }, other.log());
  assert.match(other.log(), /^Error: gunicorn\.conf\.mjs:1: Error: process\.exit\(0\) was called/m);
});

test("a reload whose settings don't fit the machine is given up, with all of them and where they stand", async (t) => {
  const server = start(t, [], {
    files: { [NAME]: `export default { ${SETTINGS} }` },
    expected: [/Reload aborted/],
  });
  await ready(server, 1);
  reload(
    server,
    `export default { ${SETTINGS}, workerClass: "foo", accesslog: "/nope/a", pidfile: "/nope/p" }`,
  );
  await server.saw(
    /generation 1 serves on: gunicorn\.conf\.mjs: workerClass: unknown [^\n]*\ngunicorn\.conf\.mjs: accesslog: [^\n]*\ngunicorn\.conf\.mjs: pidfile: /,
  );
  assert.equal((await get(await server.url())).status, 200);
  await server.stop();
});

test("a file that is gone gives a reload up, and one that appears is read", async (t) => {
  const server = start(
    t,
    ["-b", "127.0.0.1:0", "--log-level", "debug", `${join(FIXTURES, "apps.mjs")}:pid`],
    {
      expected: [/Reload aborted/],
    },
  );
  await ready(server, 1);
  reload(server, "export default { workers: 2 }");
  await server.saw(/Reload complete: generation 2 serves with 2 worker/);
  rmSync(join(server.dir, NAME));
  server.signal("SIGHUP");
  await server.saw(/Reload aborted, generation 2 serves on: \S*gunicorn\.conf\.mjs is gone/);
  assert.equal((await get(await server.url())).status, 200);
  assert.equal(server.count(/only at a restart/), 0);
  await server.stop();
});

test("a file whose code never returns gives a reload up, and signals are heard", async (t) => {
  // A very busy machine may take three seconds to read a file that is well.
  const limited = `${SETTINGS}, bootTimeout: 8`;
  const server = start(t, [], {
    files: { [NAME]: `export default { ${limited} }` },
    expected: [/Reload aborted/],
  });
  await ready(server, 1);
  reload(server, "for (;;);");
  await server.saw(
    /Reload aborted, generation 1 serves on: \S*gunicorn\.conf\.mjs did not answer within 8 s/,
  );
  reload(server, `console.log("read"); export default { ${limited}, workers: 2 }`);
  await server.saw(/Reload complete: generation 2 serves with 2 worker/);
  reload(server, "for (;;);");
  server.signal("SIGTERM");
  assert.deepEqual(await server.exited, { code: 0, signal: null }, server.log());
});

test("an arbiter whose thread is blocked in native code by the file ends all the same, and says how", async (t) => {
  const hooks = `onExit() { console.error("onExit ran"); }`;
  const server = start(t, ["-p", "server.pid"], {
    files: { [NAME]: `export default { ${SETTINGS}, ${hooks} }` },
  });
  await ready(server, 1);
  // Nobody ever writes to it.
  execFileSync("mkfifo", [join(server.dir, "fifo")]);
  const arrived = appears(server.dir, "arrived");
  reload(
    server,
    `import { readFileSync, writeFileSync } from "node:fs";
    writeFileSync("arrived", "");
    readFileSync("fifo");
    export default {};`,
  );
  await within(arrived, "the thread", server.log);
  assert.equal((await get(await server.url())).status, 200);
  server.signal("SIGTERM");
  const exit = await within(server.exited, "the exit", server.log);
  assert.deepEqual(exit, { code: null, signal: "SIGKILL" }, server.log());
  assert.match(
    server.log(),
    /Stop complete[\s\S]*A thread that reads the configuration file does not end: the arbiter ends itself by SIGKILL[\s\S]*onExit ran/,
  );
  assert.equal(existsSync(join(server.dir, "server.pid")), false);
  for (const pid of server.workerPids()) assert.ok(!isAlive(pid), server.log());
});

/** Resolves when there is such a file in the directory. */
function appears(directory: string, name: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(directory, () => {
      if (!existsSync(join(directory, name))) return;
      watcher.close();
      resolve();
    });
  });
}

test("a file that never answers is told of at the start", async (t) => {
  const files = { [NAME]: "export default () => new Promise(() => {});" };
  const server = start(t, [], { files });
  assert.deepEqual(await server.exited, { code: 1, signal: null }, server.log());
  assert.match(server.log(), /^Error: gunicorn\.conf\.mjs never answers/m);
});

test("what the file and its hooks leave running ends nothing when it throws", async (t) => {
  const server = start(t, ["-p", "server.pid"], {
    files: {
      [NAME]: `export default { ${SETTINGS}, whenReady() {
        setImmediate(() => { throw new Error("a late throw"); });
        void Promise.reject(new Error("a late rejection"));
      } }`,
    },
    expected: [/Nobody caught an exception/],
  });
  await server.saw(
    /Nobody caught an exception in the arbiter's process, which serves on\nError: a late throw\n\s+at .*gunicorn\.conf\.mjs:2/,
  );
  await server.saw(
    /Nobody caught an exception in the arbiter's process, which serves on\nError: a late rejection\n\s+at .*gunicorn\.conf\.mjs:3/,
  );
  assert.equal((await get(await server.url())).status, 200);
  await server.stop();
});

test("onReload and onExit are those of the new configuration", async (t) => {
  const notes = (name: string) => `${SETTINGS},
    onReload: () => note("onReload ${name}"), onExit: () => note("onExit ${name}") }`;
  const file = (name: string) => `import { appendFileSync } from "node:fs";
    const note = (text) => appendFileSync("notes", text + "\\n");
    export default { ${notes(name)}`;
  const server = start(t, [], { files: { [NAME]: file("old") }, leaves: ["notes"] });
  await ready(server, 1);
  reload(server, file("new"));
  await server.saw(/Reload complete/);
  await server.stop();
  assert.equal(readFileSync(join(server.dir, "notes"), "utf8"), "onReload new\nonExit new\n");
});

test("an aborted reload leaves no variables for workers that come later", async (t) => {
  const app =
    "export const app = (req, res) => res.end([process.env.DB, process.pid].join(String.fromCharCode(32)));";
  const settings = (db: string, rest: string): string =>
    `process.env.DB = "${db}"; export default { app: "app.mjs:app", bind: "127.0.0.1:0", loglevel: "debug", ${rest} }`;
  const server = start(t, [], {
    files: { "app.mjs": app, "broken.mjs": "throw new Error('broken');", [NAME]: settings("one", "") },
    expected: [/Reload aborted/, /Worker died/],
  });
  await ready(server, 1);
  for (const [round, rest] of ['tiemout: 3, app: "app.mjs:app"', 'app: "broken.mjs:app"'].entries()) {
    reload(server, settings("two", rest));
    await server.saw(/Reload aborted, generation 1 serves on/, round + 1);
    const [, pid = ""] = (await get(await server.url())).body.split(" ");
    server.signal("SIGKILL", Number(pid));
    await ready(server, 2 + round);
    assert.match((await get(await server.url())).body, /^one /);
  }
  await server.stop();
});

test("what the file names by a relative path is the same at the start, at a reload, and for a worker's hooks", async (t) => {
  const server = start(t, [], {
    files: {
      "srv/app.mjs": "export const app = (req, res) => res.end(process.cwd());",
      "number.json": "1",
      [NAME]: `
        import { readFileSync } from "node:fs";
        const workers = Number(readFileSync("number.json", "utf8"));
        const postFork = () => console.error(process.cwd().endsWith("srv"), workers);
        export default { app: "app.mjs:app", chdir: "srv", bind: "127.0.0.1:0", loglevel: "debug", workers, postFork }`,
    },
    expected: [/Reload aborted/],
  });
  await ready(server, 1);
  writeFileSync(join(server.dir, "number.json"), "2");
  server.signal("SIGHUP");
  await server.saw(/Reload complete: generation 2 serves with 2 worker/);
  await server.saw(/^true 2$/m, 2);
  // Back where it was, too.
  writeFileSync(join(server.dir, "number.json"), "-1");
  server.signal("SIGHUP");
  await server.saw(/Reload aborted, generation 2 serves on/);
  assert.match((await get(await server.url())).body, /srv$/);
  await server.stop();
});

test("another directory's pid file of the same name is respected", async (t) => {
  const settings = (chdir: string): string =>
    `export default { app: ${JSON.stringify(`${join(FIXTURES, "apps.mjs")}:pid`)}, bind: "127.0.0.1:0", loglevel: "debug", pidfile: "app.pid", chdir: "${chdir}" }`;
  const server = start(t, [], {
    files: { "a/file": "", "b/app.pid": String(process.pid), [NAME]: settings("a") },
    expected: [/Reload aborted/],
  });
  await ready(server, 1);
  reload(server, settings("b"));
  await server.saw(/Reload aborted, generation 1 serves on: .*pidfile/s);
  assert.equal(readFileSync(join(server.dir, "a/app.pid"), "utf8").trim(), String(server.pid));
  await server.stop();
});

for (const asked of [["--check-config"], ["--print-config"], ["-D"], ["-w2D"]]) {
  test(`${asked[0]}: an interruption is no success`, async (t) => {
    const server = start(t, [...asked, "app:app"], {
      files: {
        [NAME]:
          'console.error("read"); setInterval(() => {}, 1e6); await new Promise(() => {}); export default {};',
      },
    });
    await server.saw(/^read$/m);
    server.signal("SIGINT");
    assert.deepEqual(await server.exited, { code: 130, signal: null }, server.log());
  });
}
