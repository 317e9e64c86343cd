import assert from "node:assert/strict";
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { FIXTURES, start } from "./server.ts";

const APP = `${join(FIXTURES, "apps.mjs")}:pid`;
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

test("USR1 opens the logs anew after a rotation", async (t) => {
  const args = [...LOCAL, "--access-logfile", "access.log", "--error-logfile", "error.log", APP];
  const server = start(t, args, { leaves: ["access.log", "access.1", "error.log", "error.1"] });
  const read = (name: string): string => readFileSync(join(server.dir, name), "utf8");
  // The error log is a file here, so readiness shows in that an answer comes.
  const { watch } = await import("node:fs");
  const until = async (name: string, pattern: RegExp): Promise<void> => {
    const watcher = watch(server.dir);
    const there = (): boolean => {
      try {
        return pattern.test(read(name));
      } catch {
        return false;
      }
    };
    await new Promise<void>((resolve) => {
      watcher.on("change", () => there() && resolve());
      if (there()) resolve();
    });
    watcher.close();
  };
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
