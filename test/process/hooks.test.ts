import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { get, ready } from "./client.ts";
import { FIXTURES, type Server, start } from "./server.ts";

const APP = `${join(FIXTURES, "apps.mjs")}:pid`;

const CONFIG = `
import { appendFileSync } from "node:fs";
const note = (name, where, ...rest) => appendFileSync(new URL("notes", import.meta.url), [name, where, ...rest].join(" ") + "\\n");
const server = (name) => (info, ...rest) => note(name, info.pid === process.pid ? "arbiter" : "elsewhere", ...rest.map((x) => x?.id ?? x));
const worker = (name) => (info) => note(name, info.pid === process.pid ? "worker" : "elsewhere", info.id);
export default {
  bind: ["127.0.0.1:0"],
  loglevel: "debug",
  workers: 1,
  onStarting: server("onStarting"),
  onReload: server("onReload"),
  whenReady: server("whenReady"),
  preFork: server("preFork"),
  postFork: (info, w) => note("postFork", w.pid === process.pid ? "worker" : "elsewhere", w.id),
  postWorkerInit: worker("postWorkerInit"),
  preRequest: (w, req) => note("preRequest", req.method, req.target),
  postRequest: (w, req, environ, resp) => note("postRequest", req.target, resp.status),
  workerInt: worker("workerInt"),
  childExit: server("childExit"),
  workerExit: (info, w) => note("workerExit", w.pid === process.pid ? "worker" : "elsewhere", w.id),
  nworkersChanged: (info, after, before) => note("nworkersChanged", after, before),
  onExit: server("onExit"),
};
`;

test("postRequest and the access log see the environ that a WSGI application was called with, and what it put there", async (t) => {
  const files = {
    "app.mjs": `export const app = (environ, startResponse) => {
  environ["my.user"] = "bob";
  startResponse("200 OK", []);
  return ["hello"];
};`,
    "gunicorn.conf.mjs": `export default {
  postRequest: (worker, request, environ) => console.error("POST", environ["my.user"], environ.HTTP_X_A, environ.QUERY_STRING),
};`,
  };
  const format = "%({my.user}e)s %({QUERY_STRING}e)s %({x-a}i)s";
  const args = ["-b", "127.0.0.1:0", "--log-level", "debug", "--interface", "wsgi", "--access-logfile", "-"];
  const server = start(t, [...args, "--access-logformat", format, "app:app"], { files });
  await ready(server, 1);
  assert.equal((await fetch(await server.url("/?a=1"), { headers: { "X-A": "seen" } })).status, 200);
  await server.saw(/^POST bob seen a=1$/m);
  await server.stop();
  assert.match(server.stdout(), /^bob a=1 seen$/m);
});

test("the server hooks run in Gunicorn's order, each in its own process", async (t) => {
  const server = start(t, [APP], { files: { "gunicorn.conf.mjs": CONFIG }, leaves: ["notes"] });
  await ready(server, 1);
  assert.equal((await get(await server.url("/one"))).status, 200);
  server.signal("SIGHUP");
  await server.saw(/Reload complete/);
  await server.saw(/Worker exited/);
  server.signal("SIGTTIN");
  await ready(server, 3);
  server.signal("SIGINT");
  await server.saw(/Handling signal: int/);
  await server.stop();
  const notes = readFileSync(join(server.dir, "notes"), "utf8").trimEnd().split("\n");
  // Two processes write: each of them in its own order.
  const inWorker = /^(postFork|postWorkerInit|preRequest|postRequest|workerInt|workerExit) /;
  const arbiter = notes.filter((line) => !inWorker.test(line));
  const worker = notes.filter((line) => inWorker.test(line));
  const begins = (lines: readonly string[], expected: readonly string[]): void =>
    assert.deepEqual(lines.slice(0, expected.length), expected);
  begins(arbiter, [
    "onStarting arbiter",
    "nworkersChanged 1 ",
    "preFork arbiter 1",
    "whenReady arbiter",
    "onReload arbiter",
    "preFork arbiter 1",
  ]);
  begins(worker, [
    "postFork worker 1",
    "postWorkerInit worker 1",
    "preRequest GET /one",
    "postRequest /one 200",
  ]);
  for (const line of [
    "workerExit worker 1",
    "childExit arbiter 1",
    "nworkersChanged 2 1",
    "workerInt worker 2",
  ]) {
    assert.ok(notes.includes(line), `${line} in\n${notes.join("\n")}`);
  }
  assert.equal(notes.at(-1), "onExit arbiter");
});

test("a hook that throws is logged with its place, and disturbs nothing", async (t) => {
  const config = `export default { bind: ["127.0.0.1:0"], loglevel: "debug",
    whenReady() { throw new Error("whenReady is broken"); },
    async preFork() { throw new Error("preFork is broken"); },
    preRequest() { throw new Error("preRequest is broken"); },
  };`;
  const server = start(t, [APP], {
    files: { "gunicorn.conf.mjs": config },
    expected: [/Hook \w+ failed/],
  });
  await ready(server, 1);
  await server.saw(/Hook whenReady failed\s+Error: whenReady is broken[\s\S]*gunicorn\.conf\.mjs:2/);
  await server.saw(/Hook preFork failed/);
  await get(await server.url());
  await server.saw(
    /Hook preRequest failed, and so the request \/\s+Error: preRequest is broken[\s\S]*gunicorn\.conf\.mjs:4/,
  );
  await server.stop();
});

test("onStarting that throws stops the start", async (t) => {
  const config = `export default { onStarting() { throw new Error("not today"); } };`;
  const server = start(t, [APP, "-b", "127.0.0.1:0"], { files: { "gunicorn.conf.mjs": config } });
  assert.equal((await server.exited).code, 1);
  assert.match(server.log(), /not today/);
  assert.doesNotMatch(server.log(), /Listening at/);
});

test("onStarting that is never done stops the start, at once where nothing is left to settle it", async (t) => {
  for (const [body, said] of [
    [
      "await new Promise(() => {});",
      /gunicorn\.conf\.mjs: onStarting is never done: .*The server does not start/,
    ],
    [
      "setInterval(() => {}, 1000); await new Promise(() => {});",
      /gunicorn\.conf\.mjs: onStarting was not done within 1 s \(bootTimeout\)/,
    ],
  ] as const) {
    const config = `export default { bootTimeout: 1, async onStarting() { ${body} } };`;
    const server = start(t, [APP, "-b", "127.0.0.1:0"], { files: { "gunicorn.conf.mjs": config } });
    assert.deepEqual(await server.exited, { code: 1, signal: null }, server.log());
    assert.match(server.log(), said);
    assert.doesNotMatch(server.log(), /Listening at/);
  }
});

test("without a bootTimeout onStarting may take for ever, until a signal", async (t) => {
  const config = `export default { bootTimeout: 0, async onStarting(server) {
    process.once("beforeExit", () => server.log.error("nothing is left"));
    server.log.info("waiting");
    await new Promise(() => {});
  } };`;
  const server = start(t, [APP, "-b", "127.0.0.1:0"], { files: { "gunicorn.conf.mjs": config } });
  await server.saw(/waiting/);
  server.signal("SIGTERM");
  assert.deepEqual(await server.exited, { code: 0, signal: null }, server.log());
  assert.doesNotMatch(server.log(), /nothing is left|Listening at/);
});

/** A worker's last hook takes so many milliseconds. */
function closing(
  t: TestContext,
  milliseconds: number,
  args: readonly string[],
  expected: readonly RegExp[] = [],
): Server {
  const hook = `async () => { await new Promise((go) => setTimeout(go, ${milliseconds})); console.error("closed"); }`;
  return start(t, ["-b", "127.0.0.1:0", "--log-level", "debug", ...args, "app.mjs:app"], {
    files: {
      "app.mjs": "export const app = (req, res) => res.end();",
      "gunicorn.conf.mjs": `export default { workerExit: ${hook} };`,
    },
    expected,
  });
}

test("after a drain workerExit has what is left of gracefulTimeout", async (t) => {
  // More than an exit without a drain has.
  const server = closing(t, 1_500, []);
  await ready(server, 1);
  server.signal("SIGTERM");
  await server.saw(/^closed$/m);
  await server.stop();
});

test("a workerExit that takes too long is told of", async (t) => {
  const late = /Hook workerExit takes too long, the worker ends without its end/;
  const server = closing(t, 1_000_000, ["--graceful-timeout", "2.5"], [late]);
  await ready(server, 1);
  await server.stop();
  assert.equal(server.count(late), 1);
});
