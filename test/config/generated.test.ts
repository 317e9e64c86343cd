import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { jsonSchema, markdown, userConfig } from "../../src/config/describe.ts";
import { readFile } from "../../src/config/file.ts";
import { hookNames } from "../../src/config/hooks.ts";
import { fileLayer } from "../../src/config/layers.ts";
import { resolve } from "../../src/config/resolve.ts";
import { settingNames, settingOf } from "../../src/config/settings/index.ts";
import { directory } from "./directory.ts";

function packageRoot(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, "gunicorn.conf.ts.example"))) at = dirname(at);
  return at;
}
const root = packageRoot();

for (const [path, made] of [
  ["docs/settings.md", markdown()],
  ["settings.schema.json", jsonSchema()],
  ["src/config/user-config.ts", userConfig()],
] as const) {
  test(`${path} is what the table says; npm run generate writes it`, () => {
    assert.equal(readFileSync(join(root, path), "utf8"), made);
  });
}

test("the example sets everything, to its default", async (t) => {
  const cwd = directory(t);
  copyFileSync(join(root, "gunicorn.conf.ts.example"), join(cwd, "gunicorn.conf.ts"));
  const content = await readFile(join(cwd, "gunicorn.conf.ts"), { env: {}, cwd }, false);
  const wanted = [...settingNames.filter((name) => settingOf(name).inFile !== false), ...hookNames];
  assert.deepEqual(Object.keys(content.values).sort(), wanted.sort());

  const example = resolve([fileLayer(content)], { cwd, file: null });
  const defaults = resolve([], { cwd, file: null });
  assert.ok(example.ok && defaults.ok);
  assert.deepEqual(example.resolved.config, defaults.resolved.config);
});

test("the example and mistakes in it are told apart by the package's own types", (t) => {
  const cwd = directory(t, { "package.json": '{ "type": "module" }' });
  const example = readFileSync(join(root, "gunicorn.conf.ts.example"), "utf8");
  writeFileSync(join(cwd, "gunicorn.conf.ts"), example);
  writeFileSync(join(cwd, "wrong-name.ts"), example.replace("workers: 1,", "wrokers: 1,"));
  writeFileSync(join(cwd, "wrong-type.ts"), example.replace('loglevel: "info"', 'loglevel: "loud"'));
  mkdirSync(join(cwd, "node_modules"));
  symlinkSync(root, join(cwd, "node_modules/tgunicorn"));
  symlinkSync(join(root, "node_modules/@types"), join(cwd, "node_modules/@types"));
  const options = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { rootDir: ".", noEmit: true },
    include: ["*.ts"],
  };
  writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify(options));

  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { stdout } = spawnSync(process.execPath, [tsc, "-p", cwd, "--pretty", "false"], {
    cwd,
    encoding: "utf8",
  });
  const files = stdout.match(/^\S+\.ts(?=\()/gm) ?? [];
  assert.deepEqual([...new Set(files)].sort(), ["wrong-name.ts", "wrong-type.ts"], stdout);
});

test("every setting is read by the server, not only described", () => {
  const sources = readdirSync(join(root, "src"), { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".ts") && !file.startsWith("config/"))
    .map((file) => readFileSync(join(root, "src", file), "utf8"));
  const unread = settingNames.filter(
    (name) => !sources.some((source) => new RegExp(`[.{,] *${name}\\b`).test(source)),
  );
  // Read by the settings' own code, to find the file.
  assert.deepEqual(
    unread.filter((name) => name !== "config"),
    [],
  );
});
