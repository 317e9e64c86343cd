// The kind of worker that docs/workers.md shows, as its reader would write it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { openLatch } from "./latch.ts";
import { FIXTURES, ROOT, scratch, start } from "./server.ts";

const source = /```ts\n(\/\/ four-worker\.ts\n[\s\S]*?)```/.exec(
  readFileSync(join(ROOT, "docs/workers.md"), "utf8"),
)?.[1];

test("the documentation's own kind of worker serves four requests at once, and drains", async (t) => {
  assert.ok(source !== undefined);
  const latch = await openLatch();
  t.after(() => latch.close());
  const server = start(
    t,
    [
      "-k",
      "./four-worker.ts",
      "-b",
      "127.0.0.1:0",
      "--log-level",
      "debug",
      `${join(FIXTURES, "apps.mjs")}:hold`,
    ],
    { files: { "four-worker.ts": source }, env: { LATCH: latch.path } },
  );
  await ready(server, 1);
  const url = await server.url("/hold");
  const answers = Array.from({ length: 6 }, () => get(url));
  const held = await Promise.all([latch.held(), latch.held(), latch.held(), latch.held()]);
  // The fifth has to wait until one of the four is over.
  let fifth = false;
  const next = latch.held().then((one) => {
    fifth = true;
    return one;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(fifth, false);
  server.signal("SIGTERM");
  await server.saw(/Handling signal: term/);
  for (const one of held) one.release();
  (await next).release();
  (await latch.held()).release();
  for (const answer of answers) {
    assert.deepEqual(await answer, { status: 200, body: "released\n", connection: "close" });
  }
  await server.stop();
});

test("a stop finishes what came in before the worker was known to serve", async (t) => {
  assert.ok(source !== undefined);
  const [held, opening] = await Promise.all([openLatch(), openLatch()]);
  t.after(() => held.close());
  t.after(() => opening.close());
  const late = source
    .replace("gates.resume();\n\n    return", "gates.resume();\n    await opened();\n\n    return")
    .concat(
      "import net from 'node:net';\n",
      "const opened = () => new Promise<void>((go) => net.connect(process.env.OPENING ?? '').on('close', () => go()).resume());\n",
    );
  const args = ["-k", "./late.ts", "-b", "127.0.0.1:0", `${join(FIXTURES, "apps.mjs")}:hold`];
  const server = start(t, args, {
    files: { "late.ts": late },
    env: { LATCH: held.path, OPENING: opening.path },
  });
  const url = await server.url("/hold");
  const opens = await opening.held();
  const answer = get(url);
  const request = await held.held();
  server.signal("SIGTERM");
  await server.saw(/Handling signal: term/);
  opens.release();
  request.release();
  assert.equal((await answer).body, "released\n", server.log());
  await server.stop();
});

test("a kind of worker that fails to stop ends all the same, and its failure is logged", async (t) => {
  assert.ok(source !== undefined);
  const failing = source
    .replace("front.stop();", "front.stop();\n        throw new Error('it is stopped already');")
    .replace('name: "four"', 'name: "failing"');
  const args = ["-k", "./failing.ts", "-b", "127.0.0.1:0", "--log-level", "debug"];
  const server = start(t, [...args, `${join(FIXTURES, "apps.mjs")}:pid`], {
    files: { "failing.ts": failing },
    expected: [/stop\(\) failed/],
  });
  await ready(server, 1);
  await server.stop();
  assert.equal(server.count(/The worker's stop\(\) failed\n\S*Error: it is stopped already/), 1);
  assert.equal(server.count(/Killing/), 0);
});

test("the documentation's own kind of worker fits the package's types", (t) => {
  assert.ok(source !== undefined);
  assert.ok(existsSync(join(ROOT, "dist/workers.d.ts")), "npm run build comes first");
  const options = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: { rootDir: ".", noEmit: true },
    include: ["*.ts"],
  };
  const dir = scratch(t, {
    "package.json": '{ "type": "module" }',
    "tsconfig.json": JSON.stringify(options),
    "four-worker.ts": source,
    "wrong.ts": source.replace("serve(", "server("),
  });
  mkdirSync(join(dir, "node_modules"));
  symlinkSync(ROOT, join(dir, "node_modules/tgunicorn"));
  symlinkSync(join(ROOT, "node_modules/@types"), join(dir, "node_modules/@types"));
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const { stdout } = spawnSync(process.execPath, [tsc, "-p", dir, "--pretty", "false"], {
    cwd: dir,
    encoding: "utf8",
  });
  const files = stdout.match(/^\S+\.ts(?=\()/gm) ?? [];
  assert.deepEqual([...new Set(files)], ["wrong.ts"], stdout);
});
