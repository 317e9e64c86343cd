import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { type Server, start } from "./server.ts";

const ARGS = ["-b", "127.0.0.1:0", "--reload", "--log-level", "debug"];

/** Resolves when as much is watched as has been imported so far, for the `times`th time. */
const watched = (server: Server, times = 1): Promise<unknown> => server.saw(/Watching \d+ file/, times);
/** Resolves when the generation serves and the workers of those before have gone. */
async function reloaded(server: Server, generation: number): Promise<void> {
  await server.saw(new RegExp(`Reload complete: generation ${generation} `));
  for (const [, pid] of server.log().matchAll(/Draining worker=\d+ gen=\d+ pid=(\d+)/g)) {
    await server.saw(new RegExp(`Worker exited: .* pid=${pid}\n`));
  }
}
const body = async (server: Server): Promise<string> => (await get(await server.url())).body;

/** As editors save: a new file is moved over the old one. */
function save(server: Server, name: string, text: string): void {
  const path = join(server.dir, name);
  writeFileSync(`${path}.tmp`, text);
  renameSync(`${path}.tmp`, path);
}

const app = (from: string): string => `import { text } from "${from}";
export const app = (req, res) => res.end(text);`;

for (const [kind, name, files] of [
  ["an ES module", "text.mjs", { "app.mjs": app("./text.mjs"), "text.mjs": 'export const text = "one";' }],
  [
    "a CommonJS module",
    "lib/text.cjs",
    {
      "app.cjs": 'const { text } = require("./lib/text.cjs"); exports.app = (req, res) => res.end(text);',
      "lib/text.cjs": 'exports.text = "one";',
    },
  ],
  ["TypeScript", "text.ts", { "app.ts": app("./text.ts"), "text.ts": 'export const text: string = "one";' }],
] as const) {
  test(`a changed file is served: ${kind}, imported by the application`, async (t) => {
    const server = start(t, [...ARGS, "app:app"], { files });
    await ready(server, 1);
    assert.equal(await body(server), "one");
    const text = Object.entries(files).find(([key]) => key === name)?.[1] ?? "";
    // Nobody waits for the watch to be complete: a change before that is found too.
    save(server, name, text.replace("one", "two"));
    await reloaded(server, 2);
    assert.equal(await body(server), "two");
    await watched(server);
    writeFileSync(join(server.dir, name), text.replace("one", "three"));
    await reloaded(server, 3);
    assert.equal(await body(server), "three");
    await server.stop();
  });
}

test("threads tell what they imported", async (t) => {
  const files = { "app.mjs": app("./text.mjs"), "text.mjs": 'export const text = "one";' };
  const server = start(t, [...ARGS, "-k", "threaded", "--threads", "2", "app:app"], { files });
  await ready(server, 1);
  save(server, "text.mjs", 'export const text = "two";');
  await reloaded(server, 2);
  assert.equal(await body(server), "two");
  await server.stop();
});

test("what is imported later is watched too", async (t) => {
  const files = {
    "app.mjs": `export const app = async (req, res) => {
  const { text } = await import("./later.mjs");
  res.end(text);
};`,
    "later.mjs": 'export const text = "one";',
  };
  const server = start(t, [...ARGS, "app:app"], { files });
  await ready(server, 1);
  await watched(server);
  assert.equal(await body(server), "one");
  await watched(server, 2);
  save(server, "later.mjs", 'export const text = "two";');
  await reloaded(server, 2);
  assert.equal(await body(server), "two");
  await server.stop();
});

test("--reload can be turned on and off by a reload", async (t) => {
  const config = (reload: boolean): string => `export default { reload: ${reload} };`;
  const files = {
    "app.mjs": app("./text.mjs"),
    "text.mjs": 'export const text = "one";',
    "gunicorn.conf.mjs": config(false),
  };
  const args = ["-b", "127.0.0.1:0", "--log-level", "debug", "app:app"];
  const server = start(t, args, { files });
  await ready(server, 1);
  save(server, "gunicorn.conf.mjs", config(true));
  server.signal("SIGHUP");
  await reloaded(server, 2);
  save(server, "text.mjs", 'export const text = "two";');
  await reloaded(server, 3);
  assert.equal(await body(server), "two");
  save(server, "gunicorn.conf.mjs", config(false));
  await reloaded(server, 4);
  save(server, "text.mjs", 'export const text = "three";');
  server.signal("SIGHUP");
  await reloaded(server, 5);
  assert.equal(await body(server), "three");
  assert.equal(server.count(/Reloading: /), 2);
  await server.stop();
});

test("a mistake is told once while the last good version serves, and saving its mend reloads", async (t) => {
  const text = 'export const text = "one";';
  const files = { "app.mjs": app("./text.mjs"), "text.mjs": text };
  const server = start(t, [...ARGS, "-w", "3", "app:app"], {
    files,
    expected: [/Reload aborted/],
    leaves: ["fresh.mjs"],
  });
  await ready(server, 3);
  const pids = server.workerPids();
  save(server, "text.mjs", "export const text = ;");
  await server.saw(/Reload aborted, generation 1 serves on: [\s\S]*text\.mjs:1/);
  assert.ok(pids.includes(server.workerPids()[0] ?? 0));
  assert.equal(await body(server), "one");
  // A file that is imported for the first time is where the next mistake is.
  save(server, "app.mjs", `import "./fresh.mjs";\n${app("./text.mjs")}`);
  await server.saw(/Reload aborted/, 2);
  const aborted = server.count(/Reload aborted/);
  save(server, "text.mjs", text.replace("one", "two"));
  await server.saw(/Reload aborted/, aborted + 1);
  assert.match(server.log(), /Reload aborted, generation 1 serves on: [\s\S]*fresh\.mjs/);
  save(server, "fresh.mjs", "throw new Error('fresh mistake');");
  await server.saw(/Reload aborted, generation 1 serves on: [^\n]*\n[^\n]*fresh mistake/);
  assert.equal(await body(server), "one");
  save(server, "fresh.mjs", "export {};");
  const [, generation] = await server.saw(/Reload complete: generation (\d+) /);
  await reloaded(server, Number(generation));
  assert.equal(await body(server), "two");
  assert.equal(server.count(/fresh mistake/), 1);
  await server.stop();
});

for (const [kind, files, fix] of [
  ["a syntax error", { "app.mjs": "export const app = (" }, "app.mjs"],
  ["a syntax error in what it imports", { "app.mjs": 'import "./a.mjs"', "a.mjs": "export {" }, "app.mjs"],
  ["an exit", { "app.cjs": "process.exit(7)" }, "app.cjs"],
  ["a missing file", {}, "app.mjs"],
  ["a mistake in TypeScript", { "app.ts": 'import "./a.ts"', "a.ts": "enum A { a = }" }, "app.ts"],
] as const) {
  test(`a first start that fails by ${kind} waits for its mend`, async (t) => {
    const server = start(t, [...ARGS, "-w", "2", "app:app"], {
      files,
      expected: [/\[ERROR\]/],
      leaves: [fix],
    });
    await server.saw(/Waiting for a change/);
    const good =
      fix === "app.cjs"
        ? "exports.app = (req, res) => res.end('mended');"
        : "export const app = (req, res) => res.end('mended');";
    save(server, fix, good.replace(/\((\w+), (\w+)\)/, fix === "app.ts" ? "($1: any, $2: any)" : "($1, $2)"));
    await ready(server, 2);
    assert.equal(await body(server), "mended");
    assert.equal(server.count(/\[ERROR\]/), 1);
    await server.stop();
  });
}

test("a first start that fails can be stopped while it waits", async (t) => {
  const server = start(t, [...ARGS, "app:app"], {
    files: { "app.mjs": "throw new Error('not yet');" },
    expected: [/\[ERROR\]/],
  });
  await server.saw(/Waiting for a change/);
  await server.stop();
});

test("extra files, patterns, new files and the configuration file are watched; packages are not", async (t) => {
  const files = {
    "app.mjs": 'import "dep"; export const app = (req, res) => res.end("app");',
    "node_modules/dep/package.json": '{ "name": "dep", "main": "index.js" }',
    "node_modules/dep/index.js": "",
    "extra.txt": "1",
    "views/a.html": "1",
    "views/a.css": "1",
    "gunicorn.conf.mjs": `export default { reloadExtraFiles: ["extra.txt", "views/**/*.html"], workers: 1 };`,
  };
  const server = start(t, [...ARGS, "app:app"], { files, leaves: [] });
  await ready(server, 1);
  await watched(server, 2);
  // If these were watched, they would make the first generation.
  save(server, "node_modules/dep/index.js", "// changed");
  save(server, "views/a.css", "2");
  save(server, "extra.txt", "2");
  await server.saw(/Reloading: extra\.txt has changed\n/);
  await reloaded(server, 2);
  save(server, "views/a.html", "2");
  await server.saw(/Reloading: views\/a\.html has changed\n/);
  await reloaded(server, 3);
  mkdirSync(join(server.dir, "views/deep/er"), { recursive: true });
  save(server, "views/deep/er/new.html", "1");
  await server.saw(/Reloading: views\/deep\/er\/new\.html has changed\n/);
  await reloaded(server, 4);
  rmSync(join(server.dir, "views/a.html"));
  await server.saw(/Reloading: views\/a\.html has changed\n/, 2);
  await reloaded(server, 5);
  save(server, "gunicorn.conf.mjs", "export default { workers: 2 };");
  await server.saw(/Reload complete: generation 6 serves with 2 worker/);
  await reloaded(server, 6);
  assert.equal(server.count(/Reloading: /), 5);
  await server.stop();
});

test("a build that takes the place of another is served, and so is what is saved in it", async (t) => {
  const says = (what: string): string => `export const app = (req, res) => res.end("${what}");`;
  const files = { "dist/app.mjs": says("one"), "next/app.mjs": says("two") };
  const server = start(t, [...ARGS, "dist/app:app"], {
    files,
    expected: [/Reload aborted/],
    leaves: ["former"],
  });
  await ready(server, 1);
  await watched(server);
  renameSync(join(server.dir, "dist"), join(server.dir, "former"));
  renameSync(join(server.dir, "next"), join(server.dir, "dist"));
  await reloaded(server, 2);
  assert.equal(await body(server), "two");
  save(server, "dist/app.mjs", says("three"));
  await reloaded(server, 3);
  assert.equal(await body(server), "three");
  rmSync(join(server.dir, "dist"), { recursive: true });
  await server.saw(/Reload aborted/);
  mkdirSync(join(server.dir, "dist"));
  save(server, "dist/app.mjs", says("four"));
  await server.saw(/Reload complete/, 3);
  assert.equal(await body(server), "four");
  await server.stop();
});

test("many changes at once are one reload", async (t) => {
  const names = Array.from({ length: 20 }, (_, index) => `part${index}.mjs`);
  const files: Record<string, string> = {
    "app.mjs": `${names.map((name) => `import "./${name}";`).join("\n")}
export const app = (req, res) => res.end(Object.keys(globalThis.parts ?? {}).join());`,
  };
  for (const name of names) files[name] = "";
  const server = start(t, [...ARGS, "app:app"], { files });
  await ready(server, 1);
  await watched(server);
  for (const name of names) save(server, name, "(globalThis.parts ??= {}).done = true;");
  await reloaded(server, 2);
  assert.equal(await body(server), "done");
  // One, where the machine is not too busy.
  assert.ok(server.count(/Reloading: /) <= 5, server.log());
  await server.stop();
});

test("by looking again and again, where the system tells nothing", async (t) => {
  const files = { "app.mjs": app("./text.mjs"), "text.mjs": 'export const text = "one";' };
  const server = start(t, [...ARGS, "--reload-engine", "poll", "app:app"], { files });
  await ready(server, 1);
  await watched(server);
  save(server, "text.mjs", 'export const text = "two and longer";');
  await reloaded(server, 2);
  assert.equal(await body(server), "two and longer");
  await server.stop();
});
