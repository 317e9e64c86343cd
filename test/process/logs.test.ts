import assert from "node:assert/strict";
import { readFileSync, renameSync, statSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { FIXTURES, start } from "./server.ts";

const APP = `${join(FIXTURES, "apps.mjs")}:pid`;
/** Resolves once `there` says so, which is asked for every change in `dir`; what can't be read yet is no answer. */
async function seen(dir: string, there: () => boolean): Promise<void> {
  const watcher = watch(dir);
  const asked = (): boolean => {
    try {
      return there();
    } catch {
      return false;
    }
  };
  await new Promise<void>((resolve) => {
    watcher.on("change", () => asked() && resolve());
    if (asked()) resolve();
  });
  watcher.close();
}

const LOCAL = ["-b", "127.0.0.1:0", "--log-level", "debug"];

test("the access log has a line for each answer, in Gunicorn's format, and none is lost at the end", async (t) => {
  const server = start(t, [...LOCAL, "-w", "2", "--access-logfile", "access.log", APP], {
    leaves: ["access.log"],
  });
  await ready(server, 2);
  const url = await server.url("/path?q=1");
  for (let i = 0; i < 50; i++) await get(url);
  await server.stop();
  const lines = readFileSync(join(server.dir, "access.log"), "utf8").trimEnd().split("\n");
  assert.equal(lines.length, 50);
  for (const line of lines) {
    assert.match(
      line,
      /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET \/path\?q=1 HTTP\/1\.1" 200 \d+ "-" "-"$/,
    );
  }
});

for (const { umask, starter, mode } of [
  { umask: "077", starter: "022", mode: 0o600 },
  { umask: "0", starter: "027", mode: 0o640 },
]) {
  test(`files are made with what --umask ${umask} leaves, and the starter's own ${starter}`, async (t) => {
    const files = ["-p", "app.pid", "--access-logfile", "access.log", "--log-file", "error.log"];
    const server = start(t, [...LOCAL, "-m", umask, ...files, APP], {
      script: `umask ${starter}; exec "$@"`,
      leaves: ["access.log", "error.log", "old.log"],
    });
    const modes = (): (number | undefined)[] =>
      ["app.pid", "access.log", "error.log"].map((name) => {
        const found = statSync(join(server.dir, name), { throwIfNoEntry: false });
        return found && found.mode & 0o777;
      });
    const until = (there: () => boolean): Promise<void> => seen(server.dir, there);
    await until(() => readFileSync(join(server.dir, "error.log"), "utf8").includes("Ready worker"));
    assert.deepEqual(modes(), [mode, mode, mode]);
    renameSync(join(server.dir, "access.log"), join(server.dir, "old.log"));
    renameSync(join(server.dir, "error.log"), join(server.dir, "old.log"));
    server.signal("SIGUSR1");
    await until(() => !modes().includes(undefined));
    assert.deepEqual(modes(), [mode, mode, mode]);
    await server.stop();
  });
}

test("USR1 opens the logs anew after a rotation", async (t) => {
  const args = [...LOCAL, "--access-logfile", "access.log", "--error-logfile", "error.log", APP];
  const server = start(t, args, { leaves: ["access.log", "access.1", "error.log", "error.1"] });
  const read = (name: string): string => readFileSync(join(server.dir, name), "utf8");
  // The error log is a file here, so readiness shows in that an answer comes.
  const until = (name: string, pattern: RegExp): Promise<void> =>
    seen(server.dir, () => pattern.test(read(name)));
  await until("error.log", /Ready worker/);
  const url = /Listening at: (\S+)/.exec(read("error.log"))?.[1] ?? "";
  await get(url);
  await until("access.log", /GET/);
  renameSync(join(server.dir, "access.log"), join(server.dir, "access.1"));
  renameSync(join(server.dir, "error.log"), join(server.dir, "error.1"));
  server.signal("SIGUSR1");
  await until("error.log", /^/);
  // The arbiter makes the file, and tells the worker after that: once a line is in it, the worker has heard.
  const asking = setInterval(() => void get(`${url}/new`).catch(() => undefined), 50);
  await until("access.log", /new/).finally(() => clearInterval(asking));
  await get(`${url}/again`);
  await server.stop();
  assert.match(read("access.log"), /again/);
  assert.doesNotMatch(read("access.1"), /again/);
  assert.match(read("error.log"), /Handling signal: term/);
  // Nor has node anything to warn of.
  assert.equal(server.log(), "");
});

test("captureOutput puts what the application prints into the error log", async (t) => {
  const server = start(t, [...LOCAL, "--capture-output", "--error-logfile", "error.log", "app.mjs:app"], {
    files: { "app.mjs": "console.log('printed at import'); export const app = (req, res) => res.end();" },
    leaves: ["error.log"],
  });
  const { watch } = await import("node:fs");
  const watcher = watch(server.dir);
  const text = (): string => readFileSync(join(server.dir, "error.log"), "utf8");
  await new Promise<void>((resolve) => {
    const look = (): void => {
      try {
        if (/Ready worker/.test(text()) && /printed at import/.test(text())) resolve();
      } catch {
        // not there yet
      }
    };
    watcher.on("change", look);
    look();
  });
  watcher.close();
  await server.stop();
  assert.equal(server.stdout(), "");
});

test("a reload opens the error log anew, and workers print into that of their own configuration", async (t) => {
  const conf = (more: string): string => `export default { errorlog: "error.log", ${more} };`;
  const server = start(t, [...LOCAL, "app.mjs:app"], {
    files: {
      "app.mjs": `import { writeSync } from "node:fs";
        export const app = (req, res) => { writeSync(1, "native\\n"); res.end(); };`,
      "gunicorn.conf.mjs": conf(""),
    },
    leaves: ["error.log", "error.1"],
  });
  const read = (name: string): string => readFileSync(join(server.dir, name), "utf8");
  const until = (name: string, pattern: RegExp): Promise<void> =>
    seen(server.dir, () => pattern.test(read(name)));
  await until("error.log", /Ready worker/);
  const url = /Listening at: (\S+)/.exec(read("error.log"))?.[1] ?? "";
  renameSync(join(server.dir, "error.log"), join(server.dir, "error.1"));
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), conf("captureOutput: true"));
  server.signal("SIGHUP");
  await until("error.log", /Reload complete/);
  await get(url);
  await until("error.log", /^native$/m);
  await server.stop();
  assert.equal(server.stdout(), "");
});
