// The page for those who come from Gunicorn: a row for each of its settings, and what it says of them is true.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { lookup, snakeCase } from "../../src/config/names.ts";
import { isSettingName, settingOf } from "../../src/config/settings/index.ts";
import { ROOT } from "../process/server.ts";
import { GUNICORN } from "./gunicorn.ts";

const page = readFileSync(join(ROOT, "docs/from-gunicorn.md"), "utf8");

interface Row {
  readonly name: string;
  readonly here: string;
  readonly fallback: string;
  readonly note: string;
}

const rows: readonly Row[] = [
  ...page.slice(page.indexOf("## Every setting")).matchAll(/^\| `(\w+)` \| (.*?) \| (.*?) ?\| (.*?) ?\|$/gm),
].map(([, name = "", here = "", fallback = "", note = ""]) => ({ name, here, fallback, note }));

const camelCase = (name: string): string =>
  name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The name here of a row that has one. */
const ours = ({ name, here }: Row): string =>
  here === "the same" ? camelCase(name) : (/^`(\w+)`$/.exec(here)?.[1] ?? "");

test("each of Gunicorn's settings has one row, in Gunicorn's order", () => {
  assert.equal(GUNICORN.length, 119);
  assert.deepEqual(
    rows.map(({ name }) => name),
    GUNICORN.map(([name]) => name),
  );
});

test("what is left out is left out, with a reason", () => {
  const out = rows.filter(({ here }) => here === "left out");
  assert.deepEqual(
    out.filter(({ name, note }) => lookup(name) !== undefined || note === "").map(({ name }) => name),
    [],
  );
  assert.ok(page.includes(`${rows.length - out.length} of ${rows.length} are here.`));
});

test("what is the same, or has another name, is a setting or a hook, with the flags that Gunicorn has", () => {
  const wrong = rows.flatMap((row) => {
    if (row.here === "left out") return [];
    const name = ours(row);
    const found = name === "config" ? { kind: "setting", name } : lookup(snakeCase(name));
    if (found === undefined || found.name !== name) return [`${row.name}: no ${name}`];
    if (row.here !== "the same" || !isSettingName(name)) return [];
    const flags = GUNICORN.find(([gunicorn]) => gunicorn === row.name)?.[1] ?? [];
    return flags
      .filter((flag) => !settingOf(name).flags.includes(flag))
      .map((flag) => `${row.name}: ${flag}`);
  });
  assert.deepEqual(wrong, []);
});

test("defaults that are called the same are the same", () => {
  let compared = 0;
  const wrong = rows.flatMap((row) => {
    const name = ours(row);
    if (!isSettingName(name)) return [];
    const { codec, default: fallback } = settingOf(name);
    const printed = codec.format(fallback).join(",");
    if (row.fallback !== "the same") {
      return row.fallback === (printed === "" ? "none" : `\`${printed}\``)
        ? []
        : [`${row.name}: it is ${printed}`];
    }
    compared++;
    const text = GUNICORN.find(([gunicorn]) => gunicorn === row.name)?.[2] ?? "";
    if (text === "") return printed === "" ? [] : [`${row.name}: it is ${printed}, there it is none`];
    const parsed = codec.parse([text]);
    return parsed.ok && codec.format(parsed.value).join(",") === printed
      ? []
      : [`${row.name}: it is ${printed}, there ${text}`];
  });
  assert.deepEqual(wrong, []);
  assert.ok(compared > 50, String(compared));
});
