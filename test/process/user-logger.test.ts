// Loggers of the configuration file: they hear every process, break nothing, and are flushed at the end.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { ROOT, start } from "./server.ts";

const LOCAL = ["-b", "127.0.0.1:0", "--log-level", "debug"];
const APP = `export const app = (req, res) => {
  if (req.url === "/throw") throw new TypeError("no");
  res.setHeader("x-answer", "42").end("ok");
};`;

interface Heard {
  readonly [name: string]: unknown;
}

function linesOf(file: string): Heard[] {
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const value: unknown = JSON.parse(line);
      assert.ok(typeof value === "object" && value !== null);
      return Object.fromEntries(Object.entries(value));
    });
}

for (const kind of ["eventloop", "threaded"]) {
  test(`${kind}: functions get the records of every process and each request`, async (t) => {
    const conf = `
import { appendFileSync } from "node:fs";
export const logger = ({ error, ...entry }) =>
  appendFileSync("heard", JSON.stringify({ ...entry, thrown: error?.name }) + "\\n");
export const accessLogger = (entry) =>
  appendFileSync("requests", JSON.stringify({ ...entry, agent: entry.header("User-Agent"), answer: entry.responseHeader("X-Answer") }) + "\\n");
`;
    const server = start(t, [...LOCAL, "-k", kind, "app.mjs:app"], {
      files: { "app.mjs": APP, "gunicorn.conf.mjs": conf },
      leaves: ["heard", "requests"],
      expected: [/Error handling request \/throw/],
    });
    await ready(server, 1);
    await get(await server.url("/throw"));
    await get(await server.url("/?a=1"));
    await server.stop();
    const heard = linesOf(join(server.dir, "heard"));
    const listening = heard.find(({ message }) => String(message).startsWith("Listening at"));
    assert.equal(listening?.pid, server.pid);
    assert.equal(listening?.worker, undefined);
    const failure = heard.find(({ message }) => message === "Error handling request /throw");
    assert.deepEqual([failure?.level, failure?.worker, failure?.thrown], ["error", 1, "TypeError"]);
    assert.match(String(failure?.stack), /^TypeError: no\n/);
    const [first, second, ...more] = linesOf(join(server.dir, "requests"));
    assert.deepEqual(more, []);
    assert.equal(first?.status, 500);
    assert.deepEqual([second?.target, second?.status, second?.answer], ["/?a=1", 200, "42"]);
  });
}

test("one that throws is told of on stderr, and serving goes on", async (t) => {
  const conf = `
export const logger = () => { throw new Error("mine") };
export const accessLogger = async () => { throw new Error("mine too") };
`;
  const server = start(t, [...LOCAL, "app.mjs:app"], {
    files: { "app.mjs": APP, "gunicorn.conf.mjs": conf },
    expected: [
      /logger: \d+ lines? lost: it threw mine$/,
      /accessLogger: \d+ lines? lost: it threw mine too$/,
    ],
  });
  await ready(server, 1);
  for (let i = 0; i < 20; i++) assert.equal((await get(await server.url())).status, 200);
  await server.stop();
  assert.match(server.log(), /accessLogger: \d+ lines? lost: it threw mine too/);
  // Once a minute and at the end, in each of two processes.
  assert.ok(server.count(/lines? lost/) <= 6, server.log());
});

test("pino works as it is, and what it has gathered is written at the end", async (t) => {
  const conf = `
import pino from ${JSON.stringify(join(ROOT, "node_modules/pino/pino.js"))};
export const logger = pino({ level: "debug" }, pino.destination({ dest: "pino.log", sync: false, minLength: 16000 }));
export const accessLogger = logger;
`;
  const server = start(t, [...LOCAL, "app.mjs:app"], {
    files: { "app.mjs": APP, "gunicorn.conf.mjs": conf },
    leaves: ["pino.log"],
    expected: [/Error handling request \/throw/],
  });
  await ready(server, 1);
  await get(await server.url("/throw"));
  await server.stop();
  const lines = linesOf(join(server.dir, "pino.log"));
  const failure = lines.find(({ msg }) => msg === "Error handling request /throw");
  assert.deepEqual([failure?.level, failure?.worker], [50, 1]);
  const { err } = failure ?? {};
  assert.ok(typeof err === "object" && err !== null && "type" in err && err.type === "TypeError");
  const request = lines.find(({ msg }) => msg === "GET /throw 500");
  assert.deepEqual([request?.status, request?.level], [500, 30]);
  assert.ok(lines.some(({ msg, pid }) => String(msg).startsWith("Worker exited") && pid === server.pid));
});

test("what is no logger is refused", async (t) => {
  const server = start(t, [...LOCAL, "app.mjs:app"], {
    files: { "app.mjs": APP, "gunicorn.conf.mjs": "export const logger = { info() {} };" },
  });
  const { code } = await server.exited;
  assert.equal(code, 1);
  assert.match(
    server.log(),
    /gunicorn\.conf\.mjs: logger: expected a function or a logger with debug, info, warn and error/,
  );
});
