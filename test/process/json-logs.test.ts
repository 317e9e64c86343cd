// With logFormat json, everything that the server writes is one JSON object a line, whoever writes it.

import assert from "node:assert/strict";
import { readFileSync, watch } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { start } from "./server.ts";

const LOCAL = ["-b", "127.0.0.1:0", "--log-level", "debug", "--log-format", "json"];
const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const APP = `
export const app = (req, res) => {
  if (req.url === "/print") process.stdout.write("one\\n[2026] two\\n");
  if (req.url === "/throw") throw new TypeError("a \\"quoted\\"\\n{line}");
  if (req.url === "/stuck") for (;;);
  res.end("ok");
};`;

function recordsOf(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const value: unknown = JSON.parse(line);
      assert.ok(typeof value === "object" && value !== null, line);
      return Object.fromEntries(Object.entries(value));
    });
}

for (const kind of ["eventloop", "sync", "threaded"]) {
  test(`${kind}: each line of both logs is an object`, async (t) => {
    const args = ["-k", kind, "--access-logfile", "-", "app.mjs:app"];
    const server = start(t, [...LOCAL, ...args], { files: { "app.mjs": APP } });
    await ready(server, 1);
    await get(await server.url("/throw"));
    const asked = http.get(await server.url("/?a=1"), {
      headers: { traceparent: TRACE, "user-agent": 'a"b' },
    });
    await new Promise((resolve) => asked.on("response", (res) => res.resume().on("end", resolve)));
    await server.stop();

    const errors = recordsOf(server.log());
    const failure = errors.find(({ message }) => message === "Error handling request /throw");
    assert.equal(failure?.level, "error");
    assert.equal(failure?.worker, 1);
    assert.equal(failure?.gen, 1);
    assert.equal(failure?.thread, kind === "threaded" ? 1 : undefined);
    assert.match(String(failure?.stack), /^TypeError: a "quoted"\n\{line\}\n\s+at app .*app\.mjs:4/);
    const arbiter = errors.find(({ message }) => String(message).startsWith("Listening at"));
    assert.equal(arbiter?.pid, server.pid);
    assert.equal(arbiter?.worker, undefined);

    const [first, second, ...more] = recordsOf(server.stdout());
    assert.deepEqual(more, []);
    assert.equal(first?.status, 500);
    assert.equal(second?.target, "/?a=1");
    assert.equal(second?.user_agent, 'a"b');
    assert.equal(second?.trace_id, TRACE.slice(3, 35));
    assert.equal(second?.span_id, TRACE.slice(36, 52));
    assert.equal(second?.pid, failure?.pid);
    assert.ok(Number(second?.duration_ms) > 0);
  });
}

test("what the application prints is an object too, and so is the watchdog's report", async (t) => {
  const args = [
    "--capture-output",
    "--error-logfile",
    "error.log",
    "-t",
    "2",
    "-k",
    "eventloop",
    "app.mjs:app",
  ];
  const running = start(t, [...LOCAL, ...args], { files: { "app.mjs": APP }, leaves: ["error.log"] });
  const file = join(running.dir, "error.log");
  const saw = async (pattern: RegExp): Promise<string> => {
    const watcher = watch(running.dir);
    try {
      return await new Promise((resolve) => {
        const look = (): void => {
          try {
            const found = pattern.exec(readFileSync(file, "utf8"))?.[0];
            if (found !== undefined) resolve(found);
          } catch {
            // not there yet
          }
        };
        watcher.on("change", look);
        look();
      });
    } finally {
      watcher.close();
    }
  };
  await saw(/Ready worker=/);
  const url = await saw(/http:\/\/127\.0\.0\.1:\d+/);
  await get(`${url}/print`);
  await saw(/two/);
  // The kill waits a second for the watchdog and no longer.
  for (let attempt = 1; attempt <= 5; attempt++) {
    await saw(new RegExp(`(?:Ready worker=[\\s\\S]*){${attempt}}`));
    await assert.rejects(get(`${url}/stuck`));
    await saw(new RegExp(`(?:Killing worker[\\s\\S]*){${attempt}}`));
    if (/Event loop stuck.*at app \(/.test(readFileSync(file, "utf8"))) break;
  }
  await running.stop();
  const records = recordsOf(readFileSync(file, "utf8"));
  assert.deepEqual(
    records.filter(({ log }) => log === "stdout").map(({ message }) => message),
    ["one", "[2026] two"],
  );
  const report = records.find(({ message }) => /^Event loop stuck[\s\S]*at app \(/.test(String(message)));
  assert.equal(report?.level, "critical");
  assert.equal(report?.worker, 1);
  assert.match(String(report?.message), /GET \/stuck[\s\S]*at app \(.*app\.mjs:5/);
});
