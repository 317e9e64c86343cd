import assert from "node:assert/strict";
import { test } from "node:test";
import { readOptions } from "../../src/cli/options.ts";
import { shellWords } from "../../src/cli/shell-words.ts";

const texts = (words: readonly string[]) => {
  const { entries, problems } = readOptions(words);
  assert.deepEqual(problems, []);
  return Object.fromEntries(
    entries.map(({ target, origin, given }) => [
      target.name,
      [origin, ...(given.kind === "texts" ? given.texts : [])],
    ]),
  );
};
const problems = (...words: string[]) =>
  readOptions(words).problems.map(({ origin, what }) => `${origin}: ${what}`);

test("a value may follow with =, with a space, or at once", () => {
  for (const words of [["-w4"], ["-w=4"], ["-w", "4"]])
    assert.deepEqual(texts(words), { workers: ["-w", "4"] });
  for (const words of [["--workers=4"], ["--workers", "4"]]) {
    assert.deepEqual(texts(words), { workers: ["--workers", "4"] });
  }
  assert.deepEqual(texts(["-keventloop", "-nmy=app"]), {
    workerClass: ["-k", "eventloop"],
    procName: ["-n", "my=app"],
  });
  assert.deepEqual(texts(["--name=", "--env=A=1=2"]), {
    procName: ["--name", ""],
    rawEnv: ["--env", "A=1=2"],
  });
});

test("given again, a list grows; the flag as it was written last is the origin", () => {
  assert.deepEqual(texts(["-b", "a:1", "--bind=b:2", "-bc:3"]), { bind: ["-b", "a:1", "b:2", "c:3"] });
});

test("a negative number, a hyphen and text with a space are values", () => {
  assert.deepEqual(texts(["--timeout", "-1", "--access-logfile", "-", "--access-logformat", "- %(h)s"]), {
    timeout: ["--timeout", "-1"],
    accesslog: ["--access-logfile", "-"],
    accessLogFormat: ["--access-logformat", "- %(h)s"],
  });
});

test("what starts with a known flag is an option, also with a space in it", () => {
  assert.deepEqual(
    texts(["--access-logformat=%(h)s %(r)s", "--env=A=b c", "-eD=e f", "--bind=unix:/a b.sock"]),
    {
      accessLogFormat: ["--access-logformat", "%(h)s %(r)s"],
      rawEnv: ["-e", "A=b c", "D=e f"],
      bind: ["--bind", "unix:/a b.sock"],
    },
  );
});

test("short flags without a value may stand together", () => {
  assert.deepEqual(texts(["-DRw4"]), {
    daemon: ["-D", "true"],
    enableStdioInheritance: ["-R", "true"],
    workers: ["-w", "4"],
  });
});

test("a flag with an optional value takes it with = alone", () => {
  const plain = readOptions(["--print-config", "json", "--check-config", "false"]);
  assert.deepEqual(plain.positionals, ["json", "false"]);
  assert.deepEqual(texts(["--print-config=json", "--check-config"]), {
    printConfig: ["--print-config", "json"],
    checkConfig: ["--check-config", "true"],
  });
});

test("a flag whose value may follow takes the next word where that is one", () => {
  const given = (...words: string[]) => {
    const { entries, positionals, problems } = readOptions(["--proxy-protocol", ...words]);
    assert.deepEqual(problems, []);
    return [...entries.flatMap(({ given }) => (given.kind === "texts" ? given.texts : [])), ...positionals];
  };
  assert.deepEqual(given("v2", "app"), ["v2", "app"]);
  assert.deepEqual(given("app"), ["auto", "app"]);
  assert.deepEqual(given(), ["auto"]);
  assert.deepEqual(given("--", "v1"), ["auto", "v1"]);
  const { positionals } = readOptions(["--proxy-protocol=v2", "v1"]);
  assert.deepEqual(positionals, ["v1"]);
});

test("Gunicorn's spellings", () => {
  const spellings = {
    "--limit-request-field_size": "limitRequestFieldSize",
    "--limit-request-field-size": "limitRequestFieldSize",
    "--access-logformat": "accessLogFormat",
    "--error-logfile": "errorlog",
    "--log-file": "errorlog",
    "--log-level": "loglevel",
    "--keep-alive": "keepalive",
    "--pid": "pidfile",
    "-p": "pidfile",
    "-e": "rawEnv",
    "-n": "procName",
    "-u": "user",
    "-g": "group",
    "-m": "umask",
    "-t": "timeout",
    "-c": "config",
  };
  for (const [flag, name] of Object.entries(spellings))
    assert.deepEqual(texts([flag, "x"]), { [name]: [flag, "x"] });
});

test("after -- nothing is an option", () => {
  const options = readOptions(["-w", "1", "--", "--odd:app", "-w"]);
  assert.deepEqual(options.positionals, ["--odd:app", "-w"]);
  assert.equal(options.entries.length, 1);
});

test("what is wrong is told for every word", () => {
  assert.deepEqual(problems("--wrkers", "3", "-k", "--timeuot=3", "-x", "--bind"), [
    "--wrkers: unknown option; did you mean --workers?",
    "-k: needs a value",
    "--timeuot: unknown option; did you mean --timeout?",
    "-x: unknown option",
    "--bind: needs a value",
  ]);
  assert.deepEqual(problems("--help=x", "--__proto__", "--toString"), [
    "--help: takes no value",
    "--__proto__: unknown option",
    "--toString: unknown option",
  ]);
});

test("questions are for the command line", () => {
  assert.deepEqual(readOptions(["-w", "2", "-h"]).asked, { type: "help" });
  assert.deepEqual(readOptions(["-v"]).asked, { type: "version" });
  assert.deepEqual(readOptions(["-n", "-v"]).asked, { type: "version" });
  for (const words of [["--completion", "zsh"], ["--completion=zsh"]])
    assert.deepEqual(readOptions(words).asked, { type: "completion", shell: "zsh" });
  const { asked, problems } = readOptions(["-h"], "GUNICORN_CMD_ARGS");
  assert.equal(asked, undefined);
  assert.deepEqual(problems, [
    { origin: "GUNICORN_CMD_ARGS", setting: "-h", what: "is for the command line only" },
  ]);
});

test("shell words", () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    "": [],
    "  ": [],
    "-w 4\t--name=x\n": ["-w", "4", "--name=x"],
    "--name='a b' \"c d\"": ["--name=a b", "c d"],
    "'' \"\"": ["", ""],
    'a\\ b \'c\\d\' "e\\"f\\g"': ["a b", "c\\d", 'e"f\\g'],
    "a'b'\"c\"d": ["abcd"],
    "$HOME `x` #y": ["$HOME", "`x`", "#y"],
  };
  for (const [text, words] of Object.entries(cases))
    assert.deepEqual(shellWords(text), { ok: true, words }, text);
});

test("shell words that don't end", () => {
  assert.deepEqual(shellWords("-w '4"), { ok: false, what: "the quote ' at character 4 is not closed" });
  assert.deepEqual(shellWords('a "b\\"'), { ok: false, what: 'the quote " at character 3 is not closed' });
  assert.deepEqual(shellWords("a\\"), { ok: false, what: "nothing follows the backslash at the end" });
});
