// TypeScript that Node leaves to a compiler, and what becomes of the mistakes in it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { failure, LOADING, SAY, say, stripsTypes } from "./loading.ts";

const NEEDS_STRIPPING = stripsTypes ? false : "this Node.js runs no TypeScript by itself";

test("TypeScript that only a compiler reads", async () => {
  const files = {
    "m.ts": [
      'import { Color, Kind } from "./color";', // no extension, and a type imported without `type`
      'import { far } from "@/far";',
      "class Named { constructor(private name: string) {} say() { return this.name; } }",
      "export const app = (): Kind => [Color.Red, far, new Named('me').say()];",
    ].join("\n"),
    "color.ts": "export enum Color { Red = 3 }\nexport interface Kind extends Array<unknown> {}",
    "lib/far.ts": "export const far = 'far';",
    "tsconfig.json": '{"compilerOptions":{"paths":{"@/*":["./lib/*"]}}}',
  };
  assert.deepEqual(await say("m:app", files), [3, "far", "me"]);
});

for (const [what, files] of [
  ["by package.json", { "package.json": '{"type":"commonjs"}', "m.ts": `import "node:fs";\n${SAY}` }],
  ["by its extension", { "m.cts": `import "node:fs";\n${SAY}` }],
] as const) {
  test(`TypeScript that imports and is CommonJS ${what}`, async () =>
    assert.equal(await say("m:app", files), "here"));
}

test("decorators", async () => {
  const files = {
    "m.ts": [
      "const seen: string[] = [];",
      "const note = (what: string) => (...of: unknown[]): void => void seen.push(what + ' ' + of.length);",
      "@note('class')",
      "class Service { @note('method') run(@note('parameter') _value: string): void {} }",
      "export const app = () => [Service.name, ...seen];",
    ].join("\n"),
    "tsconfig.json": '{"compilerOptions":{"experimentalDecorators":true}}',
  };
  const parts = ["parameter 3", "method 3", "class 1"];
  assert.deepEqual(await say("m:app", files), ["Service", ...parts]);
});

let firsts = 0;
for (const [what, files] of [
  ["an import without extension", { "later.ts": "" }],
  ["a missing package", { "later.ts": "import 'no-such-package';" }],
  ["a broken file", { "later.ts": "let b: = 1;" }],
  ["an enum", { "later.ts": "export enum A { B }" }],
] as const) {
  test(`what imports ${what} as it runs is not run again by a compiler`, {
    skip: NEEDS_STRIPPING,
  }, async () => {
    const name = what === "an import without extension" ? "./later" : "./later.ts";
    const { message } = await failure("m:app", {
      "m.ts": `import "./first.ts";\nawait import("${name}");`,
      "first.ts": "globalThis.firsts = (globalThis.firsts ?? 0) + 1;",
      ...files,
    });
    assert.match(message, /later|no-such-package/);
    assert.equal(await say("n:app", { "n.ts": "export const app = () => globalThis.firsts;" }), ++firsts);
  });
}

test("what fails with a SyntaxError as it runs is not run again by a compiler", async () => {
  const files = {
    "m.ts": "globalThis.runs = (globalThis.runs ?? 0) + 1;\nconst text: string = '{';\nJSON.parse(text);",
    "n.ts": "export const app = () => globalThis.runs;",
  };
  assert.match((await failure("m:app", files)).message, /JSON/);
  assert.equal(await say("n:app", files), 1);
});

const BROKEN = "let a: string;\nlet b: = 1;";
const PATHS = '{"compilerOptions":{"paths":{"@/*":["./src/*"]}}}';
/** Node stops at what only a compiler reads, and never sees the mistake. */
for (const [what, files, wanted] of [
  [
    "a broken file, where an import has no extension",
    { "m.ts": "import './util'; import './b.ts';", "util.ts": "", "b.ts": BROKEN },
    /^CWD\/b\.ts:2:7\nSyntaxError/,
  ],
  [
    "a missing package, where an import has no extension",
    { "m.ts": "import './util'; import './b.ts';", "util.ts": "", "b.ts": "import 'no-such-package';" },
    /^Error: Cannot find module 'no-such-package'[\s\S]*CWD\/b\.ts/,
  ],
  [
    "a missing file, where another import has no extension",
    { "m.ts": "import './util'; import './none.ts';", "util.ts": "" },
    /^Error: Cannot find module '\.\/none\.ts'[\s\S]*CWD\/m\.ts/,
  ],
  [
    "a broken file behind an enum",
    { "m.ts": "import './b.ts'; enum A { B }", "b.ts": BROKEN },
    /^CWD\/b\.ts:2:7\nSyntaxError/,
  ],
  [
    "a broken file behind a decorator",
    { "m.ts": "import './a.ts'; import './b.js';", "a.ts": "@String class A {}", "b.js": "let b = = 1;" },
    /^CWD\/b\.js:1:8\nSyntaxError/,
  ],
  [
    "a broken file behind a path of tsconfig.json",
    { "m.ts": "import '@/lib/b';", "src/lib/b.ts": BROKEN, "tsconfig.json": PATHS },
    /^CWD\/src\/lib\/b\.ts:2:7\nSyntaxError/,
  ],
] as const) {
  test(`${what} is what is told`, async () => {
    const { message } = await failure("m", files);
    assert.match(message.slice(LOADING.length), wanted);
  });
}

for (const [what, files, wanted] of [
  ["a broken file", { "m.ts": "import './b.ts';", "b.ts": BROKEN }, /b\.ts:2\n[\s\S]*\nlet b: = 1;\n/],
  ["a missing file", { "m.ts": "import './none.ts';" }, /'CWD\/none\.ts' imported from CWD\/m\.ts/],
  ["a missing package", { "m.ts": "import 'no-such';" }, /package 'no-such' imported from CWD\/m\.ts/],
] as const) {
  test(
    `where Node and the compiler see the same mistake, ${what}, Node tells of it`,
    {
      skip: NEEDS_STRIPPING,
    },
    async () => assert.match((await failure("m", files)).message, wanted),
  );
}
