// Source maps of bundles: found in time, in little memory, and as the tools write them.

import assert from "node:assert/strict";
import { once } from "node:events";
import fs from "node:fs";
import { SourceMap } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import { type Original, readMappings } from "../../src/log/source-map/mappings.ts";
import { parseMap } from "../../src/log/source-map/parse.ts";
import { mapFrame } from "../../src/log/source-map.ts";
import { temporaryDirectory } from "./places.ts";

const FOREVER = Number.POSITIVE_INFINITY;
const SOURCE_MAP = new URL("../../src/log/source-map.js", import.meta.url).href;

/** So many segments on one line, as of minified code, each two columns and one source line behind the one before. */
const bundled = (segments: number): string => `AAAA${",EACA".repeat(segments - 1)}`;

const find = (mappings: string, line: number, column: number, until = FOREVER): unknown =>
  readMappings(Buffer.from(mappings)).find(line, column, until);

function writeBundle(directory: string, map: object): string {
  const file = path.join(directory, "app.js");
  fs.writeFileSync(file, "\n//# sourceMappingURL=app.js.map\n");
  fs.writeFileSync(`${file}.map`, JSON.stringify({ version: 3, names: [], ...map }));
  return file;
}

test("the map of a bundle of megabytes does not need the memory of a table", async (t) => {
  const segments = 1_200_000;
  const file = writeBundle(temporaryDirectory(t), {
    sources: ["app.ts"],
    sourcesContent: ['const é = "quoted \\\\";\n'.repeat(200_000)],
    mappings: bundled(segments),
  });
  const thread = new Worker(
    `const { parentPort, workerData: [url, ...place] } = require("node:worker_threads");
     import(url).then(({ mapFrame }) => parentPort.postMessage(mapFrame(...place)));`,
    {
      eval: true,
      workerData: [SOURCE_MAP, file, 1, 2 * segments - 1],
      // As the watchdog's, and less.
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 1 },
    },
  );
  const [found] = await once(thread, "message");
  assert.deepEqual(found, { file: path.join(path.dirname(file), "app.ts"), line: segments, column: 1 });
  await once(thread, "exit");
});

test("places of a real map are found as Node finds them", async () => {
  for (const minify of [false, true]) {
    const { outputFiles } = await build({
      entryPoints: [new URL("../../../src/workers/main.ts", import.meta.url).pathname],
      bundle: true,
      packages: "external",
      platform: "node",
      format: "esm",
      write: false,
      minify,
      sourcemap: "external",
      outfile: "out/main.js",
      logLevel: "silent",
    });
    const [json = "", code = ""] = outputFiles.map(({ text }) => text);
    const node = new SourceMap(JSON.parse(json));
    const [section] = parseMap(Buffer.from(json)) ?? [];
    assert.ok(section !== undefined);
    let mapped = 0;
    for (const [line, text] of code.split("\n").entries()) {
      for (let column = 0; column <= text.length; column += 101) {
        const entry = node.findEntry(line, column);
        const known = "originalSource" in entry && entry.generatedLine === line;
        const found: Original | undefined = section.mappings.find(line, column, FOREVER);
        assert.equal(found && section.sources[found.source], known ? entry.originalSource : undefined);
        assert.equal(found?.line, known ? entry.originalLine : undefined);
        assert.equal(found?.column, known ? entry.originalColumn : undefined);
        mapped += Number(known);
      }
    }
    assert.ok(mapped > 100, `${mapped} of ${code.length}`);
  }
});

test("a place is found whatever was looked for before", () => {
  const mappings = readMappings(Buffer.from(`${bundled(5_000)};${bundled(5_000)}`));
  for (const [line, column] of [
    [1, 100],
    [0, 9_998],
    [0, 0],
    [1, 9_000],
    [0, 8_191],
  ] as const) {
    const original = Math.floor(column / 2) + line * 4_999;
    assert.deepEqual(mappings.find(line, column, FOREVER), { source: 0, line: original, column: 0 });
  }
  assert.equal(mappings.find(2, 0, FOREVER), undefined);
});

test("a map that takes too long is read on at the next call, and what is read of it holds", (t) => {
  const mappings = readMappings(Buffer.from(bundled(5_000)));
  assert.equal(mappings.find(0, 9_998, 0), undefined);
  assert.deepEqual(mappings.find(0, 10, 0), { source: 0, line: 5, column: 0 });
  let calls = 1;
  while (mappings.find(0, 9_998, 0) === undefined) calls++;
  assert.ok(calls > 2, `${calls}`);
  const file = writeBundle(temporaryDirectory(t), { sources: ["app.ts"], mappings: "AAAA" });
  assert.equal(mapFrame(file, 1, 1, 0), undefined);
  assert.equal(mapFrame(file, 1, 1)?.line, 1);
});

test("numbers of every size and sign are read; what is no mapping ends the reading", () => {
  assert.deepEqual(find("gB+Dw+Bw+B", 0, 16), { source: 63, line: 1_000, column: 1_000 });
  assert.deepEqual(find("gB+Dw+Bw+B,CFHA", 0, 17), { source: 61, line: 997, column: 1_000 });
  assert.equal(find("gB+Dw+Bw+B", 0, 15), undefined);
  assert.deepEqual(find("AAAA,C,CAAA", 0, 0), { source: 0, line: 0, column: 0 });
  assert.equal(find("AAAA,C,CAAA", 0, 1), undefined, "made by a tool");
  assert.deepEqual(find(";;AAAA;", 2, 7), { source: 0, line: 0, column: 0 });
  for (const broken of ["", ";", ",", "A!AA", "AAgggggggggggA", "g", "\\u0041AAA", "é"]) {
    assert.equal(find(broken, 0, 5), undefined, broken);
  }
  assert.deepEqual(find("EAAA,!,CACA", 0, 9), { source: 0, line: 0, column: 0 });
  assert.deepEqual(find("EAAA,DACA", 0, 9), { source: 0, line: 0, column: 0 }, "back within a line");
});

test("the sections of an index map are maps of their own", (t) => {
  const directory = temporaryDirectory(t);
  const part = (name: string, more: object = {}): object => ({
    version: 3,
    sources: [name],
    names: [],
    mappings: "AAAA;AAEA",
    ...more,
  });
  const file = writeBundle(directory, {
    sections: [
      { offset: { line: 0, column: 0 }, map: part("a.ts") },
      { offset: { line: 1, column: 10 }, map: part("b.ts", { sourceRoot: "lib" }) },
      { map: 0, offset: { line: 9, column: 0 } },
    ],
  });
  const at = (line: number, column: number): string | undefined => {
    const found = mapFrame(file, line, column);
    return found && `${path.relative(directory, found.file)}:${found.line}:${found.column}`;
  };
  assert.equal(at(1, 5), "a.ts:1:1");
  assert.equal(at(2, 10), "a.ts:3:1");
  assert.equal(at(2, 11), "lib/b.ts:1:1");
  assert.equal(at(3, 1), "lib/b.ts:3:1");
  assert.equal(at(10, 1), undefined);
});

test("a map may be written as any JSON is", (t) => {
  const directory = temporaryDirectory(t);
  const file = writeBundle(directory, {});
  const texts: Readonly<Record<string, string | null>> = {
    ' {\n  "mappings" : "AAAA" ,\t"sources":[ "\\u0061,]}\\".ts" ] } \n': 'a,]}".ts',
    '{"x_google":{"a":["}",{"b":"\\\\"}]},"n":-1.5e3,"t":true,"sources":["s.ts"],"mappings":"AAAA"}': "s.ts",
    '{"sources":["s.ts"],"mappings":""}': null,
    '{"sources":[],"mappings":"AAAA"}': null,
    '{"sources":[null],"mappings":"AAAA"}': null,
    '{"sources":{},"mappings":"AAAA"}': null,
    '{"sources":["s.ts"],"mappings":[]}': null,
    '{"sources":["s.ts"],"mappings":"AAAA': null,
    '{"sources":["s.ts"],"mappings"': null,
    '{"mappings":"AAAA","sources":["s.ts"]': null,
    '{"sections":{}}': null,
    '{"sections":[': null,
    "{}": null,
    "{,}": null,
    "7": null,
    "": null,
  };
  for (const [text, name] of Object.entries(texts)) {
    const copy = path.join(directory, `${Object.keys(texts).indexOf(text)}.js`);
    fs.copyFileSync(file, copy);
    fs.writeFileSync(copy, "\n//# sourceMappingURL=one.map");
    fs.writeFileSync(path.join(directory, "one.map"), text);
    assert.equal(mapFrame(copy, 1, 1)?.file, name === null ? undefined : path.join(directory, name), text);
  }
});
