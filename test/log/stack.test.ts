import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import vm from "node:vm";
import { describeError, location, mapFrame } from "../../src/log/stack.ts";
import { temporaryDirectory } from "./places.ts";

const HERE = /test\/log\/stack\.test\.ts:\d+:\d+\)?$/;

/** A map by which line 2, column 3 stands for line 8, column 5 of the source: all the numbers in base 64 VLQ. */
const map = (source: string, more: object = {}): string =>
  JSON.stringify({ version: 3, sources: [source], names: [], mappings: ";EAOI", ...more });

const inline = (text: string): string =>
  `\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,${Buffer.from(text).toString("base64")}\n`;

function writeFile(directory: string, name: string, text: string): string {
  const file = path.join(directory, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}

function errorAt(file: string, line: number, column: number, message = "x"): Error {
  const error = new Error(message);
  error.stack = `Error: ${message}\n    at f (${file}:${line}:${column})\n    at node:internal/x:1:2`;
  return error;
}

test("frames of compiled code are shown in terms of their source", () => {
  const error = new TypeError("no");
  const lines = describeError(error).split("\n");
  assert.equal(lines[0], "TypeError: no");
  assert.match(lines[1] ?? "", HERE);
  assert.match(location(error) ?? "", HERE);
  assert.match(error.stack ?? "", /stack\.test\.js/, "the error itself stays as it was");
});

test("async frames, methods and constructors are mapped too", async () => {
  class Thing {
    async method(): Promise<never> {
      await null;
      throw new Error("async");
    }
  }
  const error = await new Thing().method().catch((reason: unknown) => reason);
  const [, first, second] = describeError(error).split("\n");
  assert.match(first ?? "", HERE);
  assert.match(second ?? "", /^ {4}at async .*stack\.test\.ts/);
});

test("a map is found beside the file, inline, and under its source root", (t) => {
  const directory = temporaryDirectory(t);
  const beside = writeFile(directory, "dist/beside.js", "\n\n//# sourceMappingURL=beside.js.map");
  writeFile(directory, "dist/beside.js.map", map("../src/beside.ts"));
  const within = writeFile(directory, "dist/within.js", inline(map("within.ts", { sourceRoot: "../src" })));
  const encoded = writeFile(
    directory,
    "dist/encoded.js",
    `\n//# sourceMappingURL=data:application/json,${encodeURIComponent(map("encoded.ts"))}`,
  );
  const guarded = writeFile(directory, "dist/a (copy)/guarded.js", "//# sourceMappingURL=guarded.map\n");
  writeFile(directory, "dist/a (copy)/guarded.map", `)]}'\n${map("webpack://app/src/x.ts")}`);

  assert.deepEqual(mapFrame(beside, 2, 3), {
    file: path.join(directory, "src/beside.ts"),
    line: 8,
    column: 5,
  });
  assert.equal(mapFrame(pathToFileURL(within).href, 2, 9)?.file, path.join(directory, "src/within.ts"));
  assert.equal(mapFrame(encoded, 2, 3)?.file, path.join(directory, "dist/encoded.ts"));
  assert.equal(mapFrame(guarded, 2, 3)?.file, "webpack://app/src/x.ts");
  assert.match(describeError(errorAt(guarded, 2, 3)), /\n {4}at f \(webpack:\/\/app\/src\/x\.ts:8:5\)\n/);
  assert.equal(location(errorAt(pathToFileURL(beside).href, 2, 3)), `${directory}/src/beside.ts:8:5`);
});

test("places that no map knows stay as they are", (t) => {
  const directory = temporaryDirectory(t);
  const file = writeFile(directory, "a.js", inline(map("a.ts")));
  assert.equal(mapFrame(file, 1, 1), undefined, "before the first mapping");
  assert.equal(mapFrame(file, 2, 1), undefined, "before the first mapping of the line");
  assert.equal(mapFrame(file, 3, 1), undefined, "after the last line that has one");
  const made = writeFile(directory, "made.js", inline(map("a.ts", { mappings: "AAAA,S;AACA" })));
  assert.equal(mapFrame(made, 1, 3)?.line, 1);
  assert.equal(mapFrame(made, 1, 12), undefined, "in what a tool has made");
  const useless = {
    "none.js": "nothing",
    "mention.js": 'const x = "//# sourceMappingURL=mention.js.map"',
    "missing.js": "//# sourceMappingURL=missing.js.map",
    "broken.js": inline("{"),
    "other.js": inline("[]"),
    "null.js": inline("null"),
    "remote.js": "//# sourceMappingURL=https://example.test/remote.js.map",
    "directory.js": "//# sourceMappingURL=.",
    "base.js": "//# sourceMappingURL=data:application/json;base64",
  };
  for (const [name, text] of Object.entries(useless)) {
    const useless = writeFile(directory, name, text);
    assert.equal(mapFrame(useless, 2, 3), undefined, name);
    assert.equal(location(errorAt(useless, 2, 3)), `${useless}:2:3`);
  }
  for (const name of [
    path.join(directory, "absent.js"),
    directory,
    "node:fs",
    "file:bad",
    "\0",
    "/dev/null",
  ]) {
    assert.equal(mapFrame(name, 2, 3), undefined, inspect(name));
  }
});

test("a map is read once", (t) => {
  const directory = temporaryDirectory(t);
  const file = writeFile(directory, "a.js", inline(map("a.ts")));
  assert.equal(mapFrame(file, 2, 3)?.line, 8);
  fs.rmSync(file);
  assert.equal(mapFrame(file, 2, 3)?.line, 8);
});

test("the location is in the user's own code where there is any", () => {
  const error = new Error("x");
  const own = new URL("../../src/log/stack.js", import.meta.url);
  const frames = ["node:fs:1:2", `${own.pathname}:3:4`, "/app/node_modules/lib/i.js:5:6", "/app/main.js:7:8"];
  const stack = (list: string[]): string => `Error: x\n${list.map((at) => `    at f (${at})`).join("\n")}`;
  error.stack = stack(frames);
  assert.equal(location(error), "/app/main.js:7:8");
  error.stack = stack(frames.slice(0, 3));
  assert.equal(location(error), "/app/node_modules/lib/i.js:5:6");
  error.stack = stack(frames.slice(0, 2));
  assert.equal(location(error), undefined);
});

test("the location of a syntax error is in the file that has it", (t) => {
  const file = writeFile(temporaryDirectory(t), "wrong.cjs", "const a = 1;\nconst = 2;\n");
  assert.throws(
    () => createRequire(import.meta.url)(file),
    (error) => location(error) === `${file}:2` && describeError(error).startsWith(`${file}:2\nconst = 2;\n`),
  );
});

test("a message is no stack, whatever it looks like", () => {
  const error = errorAt("/app/a.js", 1, 2, "bad\n    at f (/etc/passwd:1:1)");
  assert.equal(location(error), "/app/a.js:1:2");
});

test("a message set later is told", () => {
  const error = new Error("first");
  error.message = "second";
  const [first, second] = describeError(error).split("\n");
  assert.equal(first, "Error: second");
  assert.match(second ?? "", HERE);
});

test("causes and the errors of an AggregateError follow", () => {
  const root = Object.assign(new RangeError("root"), { code: "E_ROOT", detail: { secret: "hidden" } });
  const text = describeError(new Error("outer", { cause: new AggregateError([root, "text"], "several") }));
  assert.match(text, /^Error: outer\n {4}at .*stack\.test\.ts/);
  assert.match(text, /\nCaused by: AggregateError: several\n {4}at /);
  assert.match(text, /\nError 1 of 2: RangeError: root\n {4}at [^{]*\n {2}\{ code: 'E_ROOT' \}\n/);
  assert.match(text, /\nError 2 of 2: a value that is not an Error: 'text'$/);
  assert.doesNotMatch(text, /hidden/);
});

test("circles and depths end", () => {
  const circle = new Error("circle");
  circle.cause = circle;
  assert.match(describeError(circle), /\nCaused by: Error: circle \(told above\)$/);
  let deep = new Error("0");
  for (let i = 1; i < 100; i++) deep = new Error(String(i), { cause: deep });
  assert.equal(describeError(deep).match(/Caused by/g)?.length, 9);
  assert.match(describeError(deep), /\(and more\)$/);
  const wide = describeError(new AggregateError(Array.from({ length: 1000 }, (_, i) => new Error(`${i}`))));
  assert.equal(wide.match(/Error \d+ of 1000/g)?.length, 10);
  assert.ok(describeError(new Error("x".repeat(1e6))).length < 70_000);
});

test("errors of another realm are errors", () => {
  assert.match(
    describeError(vm.runInNewContext("new TypeError('elsewhere')")),
    /^TypeError: elsewhere\n {4}at /,
  );
});

test("anything can be thrown and told", () => {
  const hostile = {
    [inspect.custom]() {
      throw new Error("no");
    },
    get x() {
      throw new Error("no");
    },
  };
  const strange = new Error("x");
  Object.defineProperty(strange, "stack", {
    get() {
      throw new Error("no");
    },
  });
  const bare = new Error("bare");
  delete bare.stack;
  const trap = new Proxy(
    {},
    { getPrototypeOf: () => assert.fail("trapped"), get: () => assert.fail("trapped") },
  );
  assert.equal(describeError(undefined), "a value that is not an Error: undefined");
  assert.equal(describeError("two\nlines"), "a value that is not an Error: 'two\\nlines'");
  assert.match(describeError(hostile), /a value that is not an Error: \{ x: \[Getter\]/);
  assert.equal(describeError(strange), "an error that can't be shown");
  assert.match(describeError(bare), /^Error: bare$/);
  for (const value of [null, 1n, Symbol("s"), () => 1, [1, 2], trap, "x".repeat(1e6), Object.create(null)]) {
    assert.ok(describeError(value).length < 3000);
    assert.equal(location(value), undefined);
  }
});
