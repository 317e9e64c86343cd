import assert from "node:assert/strict";
import { readdirSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { findFile, namedFile, readFile } from "../../src/config/file.ts";
import { ServerError } from "../../src/errors.ts";
import { directory, write } from "./directory.ts";

const read = (path: string, cwd: string) => readFile(path, { env: { STAGE: "test" }, cwd }, false);

async function failure(path: string, cwd: string): Promise<string> {
  const error = await read(path, cwd).then(
    () => assert.fail("it was read"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ServerError, String(error));
  assert.equal(error.code, "CONFIG_FILE_FAILED");
  assert.equal(error.exitStatus, 1);
  assert.doesNotMatch(error.message, /\n\s+at /);
  return error.message;
}

const forms: Readonly<Record<string, string>> = {
  "object.ts": "const workers: number = 3; export default { workers };",
  "define.ts": 'import { defineConfig } from "tgunicorn"; export default defineConfig({ workers: 3 });',
  "function.mts":
    "export default ({ env }: { env: Record<string, string> }) => ({ workers: env.STAGE?.length - 1 });",
  "async.ts": "export default async () => ({ workers: await Promise.resolve(3) });",
  "promise.ts": "export default Promise.resolve({ workers: 3 });",
  "promise.cjs": "module.exports = Promise.resolve({ workers: 3 });",
  "await.mts": "export default { workers: await Promise.resolve(3) };",
  "named.ts": "export const workers = 3;",
  "enum.ts": "enum Count { Three = 3 } export default { workers: Count.Three };",
  "export-equals.cts": "export = { workers: 3 };",
  "common.cjs": "module.exports = { workers: 3 };",
  "exports.cjs": "exports.workers = 3;",
  "function.cjs": "module.exports = () => ({ workers: 3 });",
  "plain.js": "module.exports = { workers: 3 };",
  "module.mjs": "export default { workers: 3 };",
  "data.json": '{ "workers": 3 }',
  "data.yaml": "workers: 3\n",
  "data.yml": "workers: 3\n",
  "package.json": '{ "name": "x", "tgunicorn": { "workers": 3 } }',
};
for (const [name, text] of Object.entries(forms)) {
  test(`reads ${name}`, async (t) => {
    const cwd = directory(t, { [name]: text });
    const content = await read(join(cwd, name), cwd);
    assert.deepEqual({ ...content.values }, { workers: 3 });
    assert.equal(content.origin, name);
    assert.deepEqual(readdirSync(cwd), [name]);
  });
}

test("an empty file, or one with comments alone, sets nothing", async (t) => {
  const cwd = directory(t, { "a.ts": "", "b.ts": "// later\n", "c.yaml": "# later\n", "d.json": " " });
  for (const name of ["a.ts", "b.ts", "c.yaml", "d.json"]) {
    assert.deepEqual((await read(join(cwd, name), cwd)).values, {}, name);
  }
});

for (const extension of ["ts", "mts", "cts", "js", "mjs", "cjs"]) {
  test(`.${extension} is read anew, with what it imports`, async (t) => {
    const common = /^(js|cjs|cts)$/.test(extension);
    const made = (n: number) => ({
      [`conf.${extension}`]: common
        ? `const { workers } = require("./part.cjs"); module.exports = { workers: workers * 10 + ${n} };`
        : `import { workers } from "./part.mjs"; export default { workers: workers * 10 + ${n} };`,
      "part.mjs":
        `import data from "./data.json" with { type: "json" }; export const workers = data.n;`.replace(
          ' with { type: "json" }',
          "",
        ),
      "part.cjs": `exports.workers = require("./data.json").n;`,
      "data.json": `{ "n": ${n} }`,
    });
    const cwd = directory(t, made(1));
    const path = join(cwd, `conf.${extension}`);
    assert.equal((await read(path, cwd)).values.workers, 11);
    write(cwd, made(2));
    assert.equal((await read(path, cwd)).values.workers, 22);
  });
}

test("compiled sources are kept in the directory that was named, and only there", async (t) => {
  const cwd = directory(t, { "a.ts": "export default { workers: 3 as number };" });
  const cache = directory(t);
  for (const round of [1, 2]) {
    const { values } = await readFile(join(cwd, "a.ts"), { env: {}, cwd }, cache);
    assert.equal(values.workers, 3, `round ${round}`);
  }
  assert.equal(readdirSync(cache).length, 1);
  assert.deepEqual(readdirSync(cwd), ["a.ts"]);
});

const failures: Readonly<Record<string, { readonly text: string; readonly message: RegExp }>> = {
  "syntax.ts": {
    text: "export default {\n  workers: 3,\n  timeout: ,\n};",
    message: /^syntax\.ts:3:12: SyntaxError: Unexpected token/,
  },
  "syntax.mjs": { text: "export default {\n  a: ,\n};", message: /^syntax\.mjs:2:6: SyntaxError/ },
  "syntax.cjs": { text: "module.exports = {\n  a: ,\n};", message: /^syntax\.cjs:2:6: SyntaxError/ },
  "throws.ts": {
    text: 'interface A {\n  a: number;\n}\n\nfunction go(a: A): never {\n  throw new TypeError("no " + a.a);\n}\nexport default go({ a: 1 });',
    message: /^throws\.ts:6: TypeError: no 1$/,
  },
  "rejects.ts": {
    text: "export default async () => {\n  await null;\n  throw new Error('later');\n};",
    message: /^rejects\.ts:3: Error: later$/,
  },
  "string.mjs": { text: 'throw "a string";', message: /^string\.mjs: threw "a string"$/ },
  "null.cjs": { text: "throw null;", message: /^null\.cjs: threw null$/ },
  "import.ts": {
    text: "// first\nimport { x } from './nowhere.ts';\nexport default { x };",
    message: /^import\.ts:2: Error: Cannot find module '\.\/nowhere\.ts'$/,
  },
  "bare.ts": {
    text: "// first\nimport x from 'no-such-package';\nexport default { x };",
    message: /^bare\.ts:2: Error: Cannot find (module|package) 'no-such-package'/,
  },
  "number.ts": { text: "export default 3;", message: /^number\.ts: expected an object of settings, got 3$/ },
  "made.ts": {
    text: "export default () => 5;",
    message: /^made\.ts: expected an object of settings, got 5$/,
  },
  "null.mjs": {
    text: "export default null;",
    message: /^null\.mjs: expected an object of settings, got null$/,
  },
  "null-exports.cjs": {
    text: "module.exports = null;",
    message: /^null-exports\.cjs: expected an object of settings, got null$/,
  },
  "undefined.ts": {
    text: "export default undefined;",
    message: /^undefined\.ts: expected an object of settings, got undefined$/,
  },
  "forgotten.ts": {
    text: "export default () => { ({ workers: 3 }) };",
    message: /^forgotten\.ts: expected an object of settings, got undefined: the function returns nothing$/,
  },
  "rejected.ts": {
    text: 'export default Promise.reject(new Error("no vault"));',
    message: /^rejected\.ts:1: Error: no vault$/,
  },
  "class.mjs": {
    text: "export default class {}",
    message: /^class\.mjs: expected an object of settings or a function, got a class$/,
  },
  "package.json": { text: '{ "tgunicorn": {', message: /^package\.json(:1)?: not valid JSON: / },
  "list.json": { text: "[1]", message: /^list\.json: expected an object of settings, got \[1\]$/ },
  "comma.json": { text: '{\n  "workers": 3,\n}', message: /^comma\.json:3: not valid JSON: / },
  "broken.json": {
    text: '{\n  "workers": 3,\n  "a": x\n}',
    message: /^broken\.json(:3)?: not valid JSON: Unexpected token/,
  },
  "broken.yaml": { text: "workers: 3\n  bind: [", message: /^broken\.yaml:2:\d+: not valid YAML: / },
};
for (const [name, { text, message }] of Object.entries(failures)) {
  test(`${name}: one line with the place`, async (t) => {
    const cwd = directory(t, { [name]: text });
    assert.match(await failure(join(cwd, name), cwd), message);
  });
}

test("named exports beside a default one are handed on apart, for whoever knows names", async (t) => {
  const cwd = directory(t, {
    "a.ts": "export const workers = 3; export default { timeout: 4 };",
    "b.cjs": "exports.workers = 3; exports.default = () => ({ timeout: 4 });",
  });
  for (const name of ["a.ts", "b.cjs"]) {
    const { values, beside, exports } = await read(join(cwd, name), cwd);
    assert.deepEqual(
      { values, beside, exports },
      { values: { timeout: 4 }, beside: { workers: 3 }, exports: false },
    );
  }
});

test("a file that can't be read is told by its name", async (t) => {
  const cwd = directory(t);
  // Root may read every file; this one is none.
  assert.match(await failure(join(cwd, "gone.ts"), cwd), /^gone\.ts: can't be read: ENOENT/);
});

test("a broken package.json is no matter of another file's", async (t) => {
  const cwd = directory(t, { "package.json": "{ broken", "a.json": '{ "workers": 3 }' });
  const before = process.cwd();
  process.chdir(cwd);
  t.after(() => process.chdir(before));
  assert.deepEqual((await read(join(cwd, "a.json"), cwd)).values, { workers: 3 });
});

test("a name that is taken by a directory or a broken link is a mistake, and not skipped", (t) => {
  const cwd = directory(t, { "gunicorn.conf.ts/x": "", "gunicorn.conf.json": "{}" });
  assert.throws(() => findFile(cwd), /gunicorn\.conf\.ts: is not a file/);
  const other = directory(t);
  symlinkSync("nowhere", join(other, "gunicorn.conf.yaml"));
  assert.throws(() => findFile(other), /gunicorn\.conf\.yaml: is not a file/);
});

test("a mistake in an imported file is told where it is", async (t) => {
  const cwd = directory(t, {
    "a.ts": 'import { x } from "./lib/b.ts"; export default { x };',
    "lib/b.ts": "\nexport const x = (null as unknown as { y: number }).y;",
  });
  assert.match(await failure(join(cwd, "a.ts"), cwd), /^lib\/b\.ts:2: TypeError: /);
});

test("the first of the known names, in the start directory alone", (t) => {
  const cwd = directory(t, { "gunicorn.conf.json": "{}", "gunicorn.conf.mjs": "", "sub/x": "" });
  assert.equal(findFile(cwd), join(cwd, "gunicorn.conf.mjs"));
  assert.equal(findFile(join(cwd, "sub")), undefined);
});

test("package.json counts where it has the key", (t) => {
  const without = directory(t, { "package.json": '{ "name": "x" }' });
  assert.equal(findFile(without), undefined);
  const cwd = directory(t, { "package.json": '{ "tgunicorn": {} }' });
  assert.equal(basename(findFile(cwd) ?? ""), "package.json");
});

test("package.json that only depends on tgunicorn sets nothing", async (t) => {
  const cwd = directory(t, { "package.json": '{ "dependencies": { "tgunicorn": "*" } }' });
  const path = findFile(cwd) ?? assert.fail("not found");
  assert.deepEqual((await read(path, cwd)).values, {});
});

test("a file by name: relative, file:, missing, a directory, of no known kind", (t) => {
  const cwd = directory(t, { "conf/a.ts": "", "a.txt": "" });
  assert.equal(namedFile("conf/a.ts", "-c", cwd), join(cwd, "conf/a.ts"));
  assert.equal(namedFile("file:conf/a.ts", "-c", cwd), join(cwd, "conf/a.ts"));
  assert.equal(namedFile(`file://${cwd}/conf/a.ts`, "-c", cwd), join(cwd, "conf/a.ts"));
  assert.throws(() => namedFile("b.ts", "-c", cwd), /^ServerError: -c: b\.ts does not exist$/);
  assert.throws(() => namedFile("conf", "-c", cwd), /conf: is not a file/);
  assert.throws(
    () => namedFile("a.txt", "-c", cwd),
    /a\.txt: is no configuration file: its name must end in \.ts/,
  );
});
