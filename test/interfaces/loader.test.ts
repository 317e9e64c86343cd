import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { failure, home, LOADING, SAY, say, stripsTypes } from "./loading.ts";

for (const [uri, file, content] of [
  ["demo:app", "demo.ts", SAY],
  ["demo.ts:app", "demo.ts", SAY],
  ["demo:app", "demo.mts", SAY],
  ["demo:app", "demo.cts", "const app = (): string => 'here'; export = { app };"],
  ["demo:app", "demo.tsx", SAY],
  ["demo:app", "demo.js", SAY],
  ["demo:app", "demo.mjs", SAY],
  ["demo:app", "demo.cjs", "exports.app = () => 'here';"],
  ["demo:app", "demo/index.ts", SAY],
  ["./demo:app", "demo.js", SAY],
  ["src/demo:app", "src/demo.ts", SAY],
  ["src.demo:app", "src/demo.ts", SAY],
  ["dotted.name:app", "dotted.name.js", SAY],
  ["pack:app", "node_modules/pack/index.js", "exports.app = () => 'here';"],
  ["@scope/pack:app", "node_modules/@scope/pack/index.js", "exports.app = () => 'here';"],
] as const) {
  test(`${uri} finds ${file}`, async () => assert.equal(await say(uri, { [file]: content }), "here"));
}

test("a package for import alone is found", async () => {
  const files = {
    "node_modules/only/package.json": '{"type":"module","exports":{"import":"./main.js"}}',
    "node_modules/only/main.js": SAY,
  };
  assert.equal(await say("only:app", files), "here");
});

test("what stands in the directory goes before a package of that name, and TypeScript before JavaScript", async () => {
  const files = {
    "demo.ts": "export const app = () => 'ts';",
    "demo.js": "export const app = () => 'js';",
    "node_modules/demo/index.js": "exports.app = () => 'package';",
  };
  assert.equal(await say("demo:app", files), "ts");
});

for (const [what, file, content] of [
  ["application", "m.js", "export const app = () => 'no'; export const application = () => 'here';"],
  ["app", "m.js", "export default () => 'no'; export const app = () => 'here';"],
  ["the default export", "m.js", "export default () => 'here';"],
  ["module.exports", "m.cjs", "module.exports = () => 'here';"],
  ["a name that CommonJS hides", "m.cjs", "const all = { application: () => 'here' }; module.exports = all;"],
  ["a compiled default export", "m.cjs", "exports.__esModule = true; exports.default = () => 'here';"],
  ["export = in TypeScript", "m.cts", "export = (): string => 'here';"],
  ["a promise", "m.js", "export const app = Promise.resolve(() => 'here');"],
] as const) {
  test(`without an attribute: ${what}`, async () =>
    assert.equal(await say("m", { [file]: content }), "here"));
}

test("dotted attributes, and factories with the object they belong to", async () => {
  const files = {
    "m.js":
      "export const a = { b: { c: () => 'deep' }, name: 'its', make(x) { return () => this.name + x; } };",
  };
  assert.equal(await say("m:a.b.c", files), "deep");
  assert.equal(await say("m:a.make('!')", files), "its!");
});

for (const [args, wanted] of [
  ["()", []],
  ['("arg", 1, -2.5e3, true, false, null)', ["arg", 1, -2500, true, false, null]],
  ["( 'it\\'s', 'a \"b\"', \"\\u00e9\\n\" , )", ["it's", 'a "b"', "é\n"]],
  ['([1, [2]], {"a": {"b": []}, "__proto__": 1})', [[1, [2]], JSON.parse('{"a":{"b":[]},"__proto__":1}')]],
] as const) {
  test(`arguments ${args}`, async () => {
    const files = { "m.js": "export const make = async (...args) => () => args;" };
    assert.deepEqual(await say(`m:make${args}`, files), wanted);
  });
}

for (const [args, complaint] of [
  ["(", /found the end/],
  ["(1", /expected ,, found the end/],
  ["(1 2)", /expected ,, found 2/],
  ["(1))", /after the closing/],
  ["(n=3)", /keyword argument: pass an object/],
  ["(True)", /True is written true/],
  ["(process.exit())", /process\.exit is not a literal/],
  ["('a)", /not closed/],
  ["({a: 1})", /a is not a literal/],
  ["(01)", /not a literal/],
  ["(`a`)", /not a literal/],
  [`(${"[".repeat(100)})`, /too deeply nested/],
  [" .b", /Failed to parse/],
] as const) {
  test(`m:make${args} is refused`, async () => {
    const error = await failure(`m:make${args}`, { "m.js": SAY });
    assert.equal(error.code, "APP_URI");
    assert.match(error.message, complaint);
  });
}

test("a missing module says what was tried", async () => {
  const { message } = await failure("pkg.mod:app", {});
  assert.match(message, /No module named 'pkg\.mod' in CWD\. Tried:\n {2}CWD\/pkg\.mod\n {2}CWD\/pkg\/mod\n/);
  assert.match(message, /--chdir/);
});

for (const [uri, content, wanted] of [
  [
    "m:handle",
    "export const handler = 1, other = 2;",
    /Failed to find attribute 'handle' in 'm'\. There are: handler, other\. Did you mean 'm:handler'\?/,
  ],
  ["m:a.cc", "export const a = { c: 1 };", /Failed to find attribute 'cc' in 'm:a'.*Did you mean 'm:a\.c'\?/],
  ["m:app", "export default () => {};", /Did you mean 'm'\?/],
  ["m:toString", "export const x = 1;", /Failed to find attribute 'toString'/],
  [
    "m",
    "export const serve = 1, other = 2;",
    /'application', 'app' or a default export in 'm'\. There are: other, serve\./,
  ],
  ["m", "", /There are none/],
  [
    "m:app",
    "export const app = undefined;",
    /Failed to find application object: 'app' in 'm': it is undefined/,
  ],
  ["m:app()", "export const app = () => null;", /'app\(\)' in 'm': it returned null/],
  ["m:app()", "export const app = { a: 1 };", /is \{ a: 1 \}, not a function.*Leave the parentheses out/],
] as const) {
  test(`${uri} in ${JSON.stringify(content)}`, async () => {
    const error = await failure(uri, { "m.js": content });
    assert.equal(error.code, "APP_ATTRIBUTE");
    assert.match(error.message, wanted);
  });
}

test("a CommonJS module without exports has none, not even what Node calls its default export", async () => {
  for (const uri of ["m", "m:app", "m:default.app"]) {
    const error = await failure(uri, { "m.cjs": "const app = 1;" });
    assert.equal(error.code, "APP_ATTRIBUTE");
    assert.match(error.message, /There are none\.$/, uri);
  }
});

/** Each ends where it should: none of our own frames, nor Node's loader's, follows. */
for (const [what, files, wanted] of [
  ["an exception", { "m.js": "\nthrow new Error('no');" }, /^Error: no\n {4}at file:\/\/CWD\/m\.js:2:7$/],
  [
    "an exception in TypeScript",
    { "m.ts": "interface A {\n a: 1 }\nenum B { C }\nthrow new Error('no' + B.C as string);" },
    /^Error: no0\n {4}at (file:\/\/)?CWD\/m\.ts:4:7$/,
  ],
  [
    "an exception in an import",
    { "m.js": "import './b.js';", "b.js": "null.x;" },
    /^TypeError: .*\n {4}at file:\/\/CWD\/b\.js:1:6$/,
  ],
  [
    "an exception in CommonJS",
    { "m.cjs": "throw new Error('no');" },
    /^Error: no\n {4}at Object\.<anonymous> \(CWD\/m\.cjs:1:7\)$/,
  ],
  ["a string thrown", { "m.js": "throw 'text';" }, /^CWD\/m\.js threw 'text'/],
  [
    "a syntax error",
    { "m.js": "import './b.js';\nimport 'node:fs';", "b.js": "let a;\nlet b = = 1;" },
    /^CWD\/b\.js:2:9\nSyntaxError: Unexpected token '='$/,
  ],
  ["a syntax error in CommonJS", { "m.cjs": "let a = = 1;" }, /^CWD\/m\.cjs:1\nlet a = = 1;\n/],
  [
    "a syntax error in TypeScript",
    { "m.ts": "let a: string;\nlet b: = 1;" },
    /^(file:\/\/)?CWD\/m\.ts:2(:7)?\n[\s\S]*SyntaxError/,
  ],
  [
    "a missing import",
    { "m.js": "import './none.js';" },
    /Cannot find module 'CWD\/none\.js' imported from CWD\/m\.js/,
  ],
  ["a missing package", { "m.ts": "import 'no-such-package';" }, /no-such-package'[\s\S]*CWD\/m\.ts/],
  ["a missing export", { "m.js": "import { x } from './b.js';", "b.js": "" }, /CWD\/m\.js:1\n/],
] as const) {
  test(`${what} is told with its place`, async () => {
    const error = await failure("m", files);
    assert.equal(error.code, "APP_FAILED");
    assert.ok(error.message.startsWith(LOADING), error.message);
    assert.match(error.message.slice(LOADING.length), wanted);
    assert.doesNotMatch(error.message, /interfaces\/loader|node:internal|jiti\/dist/);
  });
}

test("a factory that throws is told with its place", async () => {
  const { message } = await failure("m:make()", {
    "m.js": "export function make() {\n  throw new TypeError('no');\n}",
  });
  assert.match(
    message,
    /^Error while loading the application:\nTypeError: no\n {4}at \S*make \(file:\/\/CWD\/m\.js:2:9\)$/,
  );
  const late = await failure("m:make()", {
    "m.js": "export async function make() {\n  await 1;\n  throw new TypeError('no');\n}",
  });
  assert.match(late.message, /m\.js:3:9/);
});

test("a default import of CommonJS is the same in TypeScript as in Node", async () => {
  const files = {
    "m.ts": 'import whole, { named } from "pack";\nexport const app = () => [typeof whole.default, named];',
    "node_modules/pack/index.js": "exports.__esModule = true; exports.default = () => 1; exports.named = 2;",
  };
  assert.deepEqual(await say("m:app", files), ["function", 2]);
});

test("TypeScript finds the running server's package where none is installed", async () => {
  const files = { "m.ts": 'import { wsgi } from "tgunicorn";\nexport const app = () => typeof wsgi;' };
  assert.equal(await say("m:app", files), "function");
});

test("compiled TypeScript is kept", { skip: stripsTypes }, async () => {
  await say("kept:app", { "kept.ts": SAY });
  assert.ok(readdirSync(join(home, "cache/tgunicorn/jiti")).some((file) => file.includes("kept")));
});
