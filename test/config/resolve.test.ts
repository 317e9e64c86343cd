import assert from "node:assert/strict";
import { test } from "node:test";
import { diff } from "../../src/config/diff.ts";
import { environmentLayer, fileLayer } from "../../src/config/layers.ts";
import { printConfig } from "../../src/config/print.ts";
import { resolve } from "../../src/config/resolve.ts";

const start = { cwd: "/srv", file: null };
const file = (values: Record<string, unknown>, exports = false) =>
  fileLayer({ origin: "gunicorn.conf.ts", values, exports });

function resolved(...layers: Parameters<typeof resolve>[0]) {
  const resolution = resolve(layers, start);
  return resolution.ok ? resolution.resolved : assert.fail(JSON.stringify(resolution.problems));
}

function problems(...layers: Parameters<typeof resolve>[0]) {
  const resolution = resolve(layers, start);
  if (resolution.ok) assert.fail("resolved");
  return resolution.problems.map(({ origin, setting, what }) => `${origin}: ${setting ?? "-"}: ${what}`);
}

test("nothing given: the defaults, and where they come from", () => {
  const { config, origins, warnings } = resolved();
  assert.equal(config.workers, 1);
  assert.equal(config.workerClass, "sync");
  assert.equal(config.chdir, "/srv");
  assert.equal(config.config, null);
  assert.equal(origins.workers, "default");
  assert.deepEqual(warnings, []);
});

test("the environment feeds bind, workers and trusted proxies; an empty variable is none", () => {
  const env = { PORT: "9000", WEB_CONCURRENCY: "3", FORWARDED_ALLOW_IPS: "*" };
  const { config, origins } = resolved(environmentLayer(env));
  assert.deepEqual(config.bind, [{ kind: "tcp", host: "0.0.0.0", port: 9000 }]);
  assert.equal(config.workers, 3);
  assert.deepEqual(config.forwardedAllowIps, ["*"]);
  assert.equal(origins.bind, "PORT");
  assert.equal(origins.workers, "WEB_CONCURRENCY");
  assert.equal(resolved(environmentLayer({ PORT: "", WEB_CONCURRENCY: "" })).config.workers, 1);
  for (const PORT of ["many", "-1", "70000", "80 "]) {
    assert.deepEqual(environmentLayer({ PORT }).problems, [
      { origin: "PORT", what: `expected a port from 0 to 65535, got ${JSON.stringify(PORT)}` },
    ]);
  }
});

test("a stronger layer replaces a weaker one and is never joined to it", () => {
  const layers = [file({ bind: ["a.test:1", "b.test:2"], workers: 2 }), file({ bind: "c.test:3" })];
  const { config } = resolved(...layers);
  assert.deepEqual(config.bind, [{ kind: "tcp", host: "c.test", port: 3 }]);
  assert.equal(config.workers, 2);
});

test("every problem at once, each with its origin", () => {
  const found = problems(
    environmentLayer({ WEB_CONCURRENCY: "x" }),
    file({
      workers: "many",
      wrokers: 3,
      timeout: -1,
      when_ready: 3,
      worker_class: "a",
      workerClass: "b",
      config: "x",
    }),
  );
  assert.deepEqual(found.sort(), [
    'WEB_CONCURRENCY: -: expected a whole number >= 0, got "x"',
    "gunicorn.conf.ts: config: is for the command line only",
    "gunicorn.conf.ts: timeout: expected a number of seconds >= 0 and <= 2147483, got -1",
    "gunicorn.conf.ts: when_ready: expected a function, got 3",
    "gunicorn.conf.ts: workerClass: is the same setting as worker_class; keep one of them",
    'gunicorn.conf.ts: workers: expected a whole number >= 0, got "many"',
    "gunicorn.conf.ts: wrokers: unknown setting; did you mean workers?",
  ]);
});

test("undefined in a file is unset; null is unset only where a setting may be null", () => {
  const { config } = resolved(file({ workers: undefined, pidfile: null, whenReady: null }));
  assert.equal(config.workers, 1);
  assert.equal(config.pidfile, null);
  assert.deepEqual(problems(file({ workers: null })), [
    "gunicorn.conf.ts: workers: expected a whole number >= 0, got null",
  ]);
});

test("names that start with _ are a module's own, but not an object's", () => {
  assert.equal(resolved(file({ _helper: () => {}, workers: 2 }, true)).config.workers, 2);
  assert.deepEqual(problems(file({ _helper: 1 })), ["gunicorn.conf.ts: _helper: unknown setting"]);
  assert.deepEqual(problems(file({ helper: () => {} }, true)), ["gunicorn.conf.ts: helper: unknown setting"]);
});

test("a setting exported beside the default export counts for nothing, and is refused", () => {
  const onExit = () => {};
  const layer = (values: Record<string, unknown>, beside: Record<string, unknown>) =>
    fileLayer({ origin: "gunicorn.conf.ts", values, exports: false, beside });
  assert.deepEqual(problems(layer({ timeout: 3 }, { workers: 3, max_requests: 3, onExit, helper: 1 })), [
    "gunicorn.conf.ts: workers: is exported beside the default export, which alone counts: put it there",
    "gunicorn.conf.ts: max_requests: is exported beside the default export, which alone counts: put it there",
    "gunicorn.conf.ts: onExit: is exported beside the default export, which alone counts: put it there",
  ]);
  // What the default export has as well is only shared with whoever imports the file.
  const shared = layer(
    { workers: 3, onExit, max_requests: 5 },
    { workers: 3, onExit, maxRequests: 5, timeut: 3 },
  );
  assert.equal(resolved(shared).config.workers, 3);
  assert.deepEqual(shared.warnings, [
    {
      origin: "gunicorn.conf.ts",
      setting: "timeut",
      what: "is exported beside the default export, which alone counts; did you mean timeout, there?",
    },
  ]);
});

test("names every object has are no settings", () => {
  const values = JSON.parse('{"__proto__": {"workers": 5}, "constructor": 1, "toString": 2}');
  assert.equal(problems(file(values)).length, 3);
});

test("an async function can't be called for every request", () => {
  assert.deepEqual(problems(file({ preRequest: async () => {} })), [
    "gunicorn.conf.ts: preRequest: expected a function that is not async: it is called for every request",
  ]);
});

test("the result is frozen all the way down, and plain data", () => {
  const { config, hooks } = resolved(file({ bind: [1], rawEnv: { A: "1" }, onExit: () => {} }));
  assert.throws(() => Object.assign(config, { workers: 9 }), TypeError);
  assert.throws(() => Object.assign(config.bind, { 0: null }), TypeError);
  assert.throws(() => Object.assign(config.bind[0] ?? {}, { port: 2 }), TypeError);
  assert.throws(() => Object.assign(config.secureSchemeHeaders, { X: "y" }), TypeError);
  assert.deepEqual(JSON.parse(JSON.stringify(config)), config);
  assert.equal(typeof hooks.onExit, "function");
});

test("rules across settings", () => {
  assert.deepEqual(problems(file({ bind: ["a.test:1", "tcp://a.test:1", "b.test:0", "b.test:0"] })), [
    "gunicorn.conf.ts: bind: a.test:1 is given more than once",
  ]);
  assert.deepEqual(problems(file({ bind: ["a.test:1", "uwsgi://a.test:1"] })), [
    "gunicorn.conf.ts: bind: a.test:1 is given more than once",
  ]);
  const own = { metricsBind: "127.0.0.1:1", healthBind: "127.0.0.1:0", controlSocket: "/run/a.sock" };
  assert.deepEqual(problems(file({ bind: ["127.0.0.1:1", "127.0.0.1:0", "unix:/run/a.sock"], ...own })), [
    "gunicorn.conf.ts: controlSocket: unix:/run/a.sock is an address of bind: it needs one of its own",
    "gunicorn.conf.ts: metricsBind: 127.0.0.1:1 is an address of bind: it needs one of its own",
  ]);
  const { warnings } = resolved(file({ maxRequestsJitter: 5, initgroups: true }));
  assert.deepEqual(
    warnings.map((warning) => warning.setting),
    ["maxRequestsJitter", "initgroups"],
  );
});

test("two configurations differ by name, grouped by when a change takes hold", () => {
  const before = resolved(file({ workers: 1, bind: "a.test:1" })).config;
  const after = resolved(file({ workers: 2, bind: "a.test:2", printConfig: "text" })).config;
  assert.deepEqual(diff(before, after), {
    "at once": ["workers"],
    "new workers": ["bind"],
    restart: ["printConfig"],
  });
  const none = { "at once": [], "new workers": [], restart: [] };
  assert.deepEqual(diff(before, resolved(file({ workers: 1, bind: "a.test:1" })).config), none);
});

test("print-config: sorted, aligned, with origins; hooks by name", () => {
  const all = resolved(file({ workers: 4, errorlog: "a\nworkers = 9", whenReady: function go() {} }));
  const lines = printConfig(all, "text").trimEnd().split("\n");
  const names = lines.map((line) => line.split(/ +=/, 1)[0]);
  assert.deepEqual(names, [...names].sort());
  assert.equal(new Set(lines.map((line) => line.indexOf(" = "))).size, 1);
  const find = (name: string) => lines.find((line) => line.startsWith(`${name} `))?.replace(/ += /, " = ");
  assert.equal(find("workers"), "workers = 4   # gunicorn.conf.ts");
  assert.equal(find("bind"), "bind = 127.0.0.1:8000   # default");
  assert.equal(find("whenReady"), "whenReady = <function go>   # gunicorn.conf.ts");
  assert.equal(find("onExit"), "onExit = none   # default");
  assert.equal(find("errorlog"), 'errorlog = "a\\nworkers = 9"   # gunicorn.conf.ts');
});

test("print-config as JSON", () => {
  const printed: unknown = JSON.parse(printConfig(resolved(file({ workers: 4, umask: 0o22 })), "json"));
  assert.ok(typeof printed === "object" && printed !== null);
  const entries = new Map<string, unknown>(Object.entries(printed));
  assert.deepEqual(entries.get("workers"), { value: 4, origin: "gunicorn.conf.ts" });
  assert.deepEqual(entries.get("bind"), { value: ["127.0.0.1:8000"], origin: "default" });
  assert.deepEqual(entries.get("onExit"), { value: null, origin: "default" });
});

test("threads make sync workers threaded, as in Gunicorn; the origins stay", () => {
  const alone = resolved(file({ threads: 4 }));
  assert.equal(alone.config.workerClass, "threaded");
  assert.deepEqual([alone.origins.workerClass, alone.origins.threads], ["default", "gunicorn.conf.ts"]);
  assert.equal(resolved(file({ threads: 4, workerClass: "sync" })).config.workerClass, "threaded");
  assert.equal(resolved(file({ workerClass: "gthread" })).config.workerClass, "threaded");
  assert.equal(resolved(file({ threads: 1 })).config.workerClass, "sync");
});

test("threads that have no effect, and fewer connections than threads, are worth a warning", () => {
  const told = (values: Record<string, unknown>): string[] =>
    resolved(file(values)).warnings.map(({ setting, what }) => `${setting}: ${what}`);
  assert.deepEqual(told({ threads: 4, workerClass: "eventloop" }), [
    "threads: has no effect on eventloop workers",
  ]);
  assert.deepEqual(told({ threads: 4, workerConnections: 3 }), [
    "workerConnections: is below threads: each of the 4 threads has one connection all the same",
  ]);
  assert.deepEqual(told({ threads: 4, workerConnections: 0 }), []);
});
