// The pages for those who come from elsewhere: every command and configuration on them is one that works, and every name exists.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadConfig } from "../../src/cli/command.ts";
import { readOptions } from "../../src/cli/options.ts";
import { shellWords } from "../../src/cli/shell-words.ts";
import { lookup, snakeCase } from "../../src/config/names.ts";
import { readOptions as readControlOptions } from "../../src/ctl/options.ts";
import { directory } from "../config/directory.ts";
import { ROOT } from "../process/server.ts";

const PAGES = ["from-gunicorn", "from-uwsgi", "from-pm2"];
const read = (page: string): string => readFileSync(join(ROOT, `docs/${page}.md`), "utf8");

function section(text: string, title: string): string {
  const [, found] = new RegExp(`^## ${title}\\n(.*?)(?=^## |$(?![\\s\\S]))`, "ms").exec(text) ?? [];
  return found ?? assert.fail(`no section ${title}`);
}

/** The cells of each row but the head. */
const rows = (text: string): string[][] =>
  [...text.matchAll(/^\|(.*)\|$/gm)]
    .slice(2)
    .map(([, row = ""]) => row.split("|").map((cell) => cell.trim()));

const codes = (cell: string | undefined): string[] =>
  [...(cell ?? "").matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

/** What the fenced blocks of a language hold that begin with `first`. */
const blocks = (text: string, language: string, first: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))]
    .map(([, code = ""]) => code)
    .filter((code) => code.startsWith(first));

for (const page of PAGES) {
  test(`${page}: each command is understood`, () => {
    let known = 0;
    for (const [, ours] of rows(section(read(page), "Commands"))) {
      for (const code of codes(ours)) {
        const split = shellWords(code.replace(/^\w+="[^"]*" /, ""));
        if (!split.ok) assert.fail(split.what);
        const [program, ...words] = split.words;
        if (program === "tgunicorn") assert.deepEqual(readOptions(words).problems, [], code);
        else if (program === "tgunicornctl") assert.equal(readControlOptions(words).type, "run", code);
        else continue;
        known++;
      }
    }
    assert.ok(known >= 10, String(known));
  });

  test(`${page}: the configuration loads`, async (t) => {
    const found = blocks(read(page), "ts", "// gunicorn.conf.ts");
    assert.ok(found.length > 0);
    for (const code of found) await loads(t, code);
  });
}

async function loads(t: TestContext, code: string): Promise<void> {
  const cwd = directory(t, {
    "gunicorn.conf.ts": code.replace('"tgunicorn"', JSON.stringify(join(ROOT, "dist/index.js"))),
  });
  const { warnings } = await loadConfig({ argv: [], env: {}, cwd });
  assert.deepEqual(warnings, []);
}

for (const page of ["from-uwsgi", "from-pm2"]) {
  test(`${page}: each option has a row, and the names here exist`, () => {
    const options = rows(section(read(page), "Options"));
    const theirs = options.flatMap(([cell]) => codes(cell));
    assert.equal(new Set(theirs).size, theirs.length, "none twice");
    assert.ok(theirs.length > 25, String(theirs.length));
    for (const [cell = "", ours = ""] of options) {
      for (const code of codes(ours)) {
        const [name = ""] = code.split(":");
        if (!/^[a-z]+:\/\/|^(threaded|eventloop|rolling|json)$/.test(code)) {
          assert.ok(lookup(snakeCase(name)), `${cell}: ${code}`);
        }
      }
    }
  });
}

test("what the configurations of the others set has a row of its own", () => {
  const uwsgi = read("from-uwsgi");
  const [ini = ""] = blocks(uwsgi, "ini", "[uwsgi]");
  const keys = [...ini.matchAll(/^([a-z-]+) =/gm)].map(([, key = ""]) => key);
  const explained = codes(uwsgi.slice(uwsgi.indexOf("## Options")));
  const commands = section(uwsgi, "Commands");
  assert.deepEqual(
    keys.filter((key) => key !== "module" && !explained.includes(key) && !commands.includes(`--${key} `)),
    [],
  );
  const pm2 = read("from-pm2");
  const [ecosystem = ""] = blocks(pm2, "js", "// ecosystem.config.js");
  const options = codes(section(pm2, "Options"));
  const set = [...ecosystem.matchAll(/\b([a-z_]+):/g)].map(([, key = ""]) => key);
  assert.deepEqual(
    set.filter((key) => key !== "apps" && !options.includes(key)),
    [],
  );
});
