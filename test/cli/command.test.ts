import assert from "node:assert/strict";
import { test } from "node:test";
import { type Intention, loadConfig, readCommand } from "../../src/cli/command.ts";
import { settingNames, settingOf } from "../../src/config/settings/index.ts";
import { ServerError } from "../../src/errors.ts";
import { directory, write } from "../config/directory.ts";

type Env = Record<string, string>;

async function failure(work: Promise<unknown>): Promise<ServerError> {
  const error = await work.then(
    () => assert.fail("it went well"),
    (thrown: unknown) => thrown,
  );
  return error instanceof ServerError ? error : assert.fail(String(error));
}

function resolvedOf(intention: Intention) {
  return intention.type === "say" ? assert.fail("said something") : intention.resolved;
}

test("layers, weakest first: default, environment, file, GUNICORN_CMD_ARGS, command line", async (t) => {
  const cwd = directory(t, {
    "gunicorn.conf.ts": "export default { workers: 3, timeout: 3, keepalive: 3, app: 'file:app' };",
  });
  const env: Env = {
    WEB_CONCURRENCY: "2",
    PORT: "2000",
    GUNICORN_CMD_ARGS: "--timeout 4 --keep-alive 4 -n four",
  };
  const { config, origins } = await loadConfig({ argv: ["--keep-alive=5", "a:b"], env, cwd });
  const of = (name: "backlog" | "bind" | "workers" | "timeout" | "procName" | "keepalive" | "app") => [
    config[name],
    origins[name],
  ];
  assert.deepEqual(of("backlog"), [2048, "default"]);
  assert.deepEqual(of("bind"), [[{ kind: "tcp", host: "0.0.0.0", port: 2000 }], "PORT"]);
  assert.deepEqual(of("workers"), [3, "gunicorn.conf.ts"]);
  assert.deepEqual(of("timeout"), [4, "GUNICORN_CMD_ARGS"]);
  assert.deepEqual(of("procName"), ["four", "GUNICORN_CMD_ARGS"]);
  assert.deepEqual(of("keepalive"), [5, "--keep-alive"]);
  assert.deepEqual(of("app"), ["a:b", "command line"]);
  assert.equal(config.config, `${cwd}/gunicorn.conf.ts`);
});

test("-c on the command line beats -c in GUNICORN_CMD_ARGS beats the start directory", async (t) => {
  const cwd = directory(t, {
    "gunicorn.conf.json": '{ "workers": 1 }',
    "two.json": '{ "workers": 2 }',
    "three.json": '{ "workers": 3 }',
  });
  const workers = async (argv: readonly string[], env: Env) =>
    (await loadConfig({ argv, env, cwd })).config.workers;
  assert.equal(await workers([], {}), 1);
  assert.equal(await workers([], { GUNICORN_CMD_ARGS: "-c two.json" }), 2);
  assert.equal(await workers(["-c", "three.json"], { GUNICORN_CMD_ARGS: "-c two.json" }), 3);
});

test("each load reads the file anew", async (t) => {
  const cwd = directory(t, { "gunicorn.conf.ts": "export default { workers: 1 };" });
  const load = () => loadConfig({ argv: [], env: { XDG_CACHE_HOME: `${cwd}/cache` }, cwd });
  assert.equal((await load()).config.workers, 1);
  write(cwd, { "gunicorn.conf.ts": "export default { workers: 2, onExit() {} };" });
  const { config, hooks } = await load();
  assert.equal(config.workers, 2);
  assert.equal(typeof hooks.onExit, "function");
});

test("every problem from every place is told at once, with exit status 2 for a wrong command line", async (t) => {
  const cwd = directory(t, { "gunicorn.conf.ts": 'export default { workers: "many" };' });
  const env: Env = { WEB_CONCURRENCY: "x", GUNICORN_CMD_ARGS: '--timeout "4' };
  const error = await failure(loadConfig({ argv: ["--graceful-timeout", "-1", "--bnid", "x"], env, cwd }));
  assert.equal(error.exitStatus, 2);
  assert.deepEqual(error.message.split("\n").sort(), [
    "--bnid: unknown option; did you mean --bind?",
    '--graceful-timeout: expected a number of seconds >= 0 and <= 2147483, got "-1"',
    'GUNICORN_CMD_ARGS: the quote " at character 11 is not closed',
    'WEB_CONCURRENCY: expected a whole number >= 0, got "x"',
    'gunicorn.conf.ts: workers: expected a whole number >= 0, got "many"',
  ]);
});

test("wrong values alone end with 1, and GUNICORN_CMD_ARGS names the setting", async (t) => {
  const cwd = directory(t);
  const error = await failure(loadConfig({ argv: [], env: { GUNICORN_CMD_ARGS: "-w many" }, cwd }));
  assert.equal(error.exitStatus, 1);
  assert.equal(error.message, 'GUNICORN_CMD_ARGS: workers: expected a whole number >= 0, got "many"');
});

test("a file that fails is told with the other problems, or alone", async (t) => {
  const cwd = directory(t, { "gunicorn.conf.ts": "\nthrow new Error('no');" });
  const env = { XDG_CACHE_HOME: `${cwd}/cache` };
  assert.equal((await failure(loadConfig({ argv: [], env, cwd }))).message, "gunicorn.conf.ts:2: Error: no");
  const both = await failure(loadConfig({ argv: ["-w", "x"], env, cwd }));
  assert.equal(both.message, '-w: expected a whole number >= 0, got "x"\ngunicorn.conf.ts:2: Error: no');
  const missing = await failure(loadConfig({ argv: ["-c", "nowhere.ts"], env: {}, cwd }));
  assert.equal(missing.code, "CONFIG_FILE_MISSING");
  assert.equal(missing.message, "-c: nowhere.ts does not exist");
});

test("one application; one in GUNICORN_CMD_ARGS is ignored with a warning", async (t) => {
  const cwd = directory(t);
  const error = await failure(loadConfig({ argv: ["a:b", "c:d"], env: {}, cwd }));
  assert.equal(error.exitStatus, 2);
  assert.equal(error.message, 'command line: "c:d" is one argument too many: the application is "a:b"');
  const { config, warnings } = await loadConfig({ argv: [], env: { GUNICORN_CMD_ARGS: "x:y" }, cwd });
  assert.equal(config.app, null);
  assert.deepEqual(warnings, [{ origin: "GUNICORN_CMD_ARGS", what: '"x:y" is no option and is ignored' }]);
});

test("what the file exports beside its default export, as if it were a setting, is worth a warning", async (t) => {
  const cwd = directory(t, { "gunicorn.conf.ts": "export default {}; export const timeut = 3;" });
  const { warnings } = await loadConfig({ argv: [], env: {}, cwd });
  assert.deepEqual(
    warnings.map(({ origin, setting }) => [origin, setting]),
    [["gunicorn.conf.ts", "timeut"]],
  );
});

test("what to do: serve, check, print, or say", async (t) => {
  const cwd = directory(t);
  const command = (...argv: string[]) => readCommand({ argv, env: {}, cwd });
  assert.equal((await command("a:b")).type, "serve");
  assert.equal((await command("--check-config", "a:b")).type, "check");
  assert.equal(resolvedOf(await command("-w2", "a:b")).config.workers, 2);
  const error = await failure(command());
  assert.equal(error.code, "APP_MISSING");

  const printed = await command("--print-config", "-w", "4");
  assert.ok(printed.type === "print");
  assert.match(printed.text, /^workers +=\s4 {3}# -w$/m);
  const json = await command("--print-config=json", "-w", "4");
  assert.ok(json.type === "print");
  assert.deepEqual(JSON.parse(json.text).workers, { value: 4, origin: "-w" });
});

test("the version", async (t) => {
  const said = await readCommand({ argv: ["-v"], env: {}, cwd: directory(t) });
  assert.ok(said.type === "say");
  assert.match(said.text, /^tgunicorn \(version \d+\.\d+\.\d+\S*\)\n$/);
});

test("the help has every flag under its section, whatever else is wrong", async (t) => {
  const said = await readCommand(
    { argv: ["--nonsense", "--help"], env: { GUNICORN_CMD_ARGS: "'" }, cwd: directory(t) },
    100,
  );
  assert.ok(said.type === "say");
  assert.match(said.text, /^tgunicorn \[options\] module:attribute\n/);
  for (const name of settingNames) {
    for (const flag of settingOf(name).flags)
      assert.match(said.text, new RegExp(`(^|[ ,])${flag}[ ,\n]`, "m"), flag);
  }
  for (const title of ["Application:", "Sockets:", "Workers:", "HTTP:", "Processes:", "Logging:"]) {
    assert.match(said.text, new RegExp(`^${title}$`, "m"));
  }
  assert.doesNotMatch(said.text, /\]\(/, "a terminal shows no Markdown");
  assert.ok(said.text.split("\n").every((line) => line.length <= 100));
});
