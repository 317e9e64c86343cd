// The command lines that the files of deploy/ have: read as the server would read them.

import assert from "node:assert/strict";
import { readOptions } from "../../src/cli/options.ts";
import { settings } from "../../src/config/settings/index.ts";

/** Text values by the setting's name. */
export type Given = Readonly<Record<string, string>>;

/** Fails where the server would not understand `words`, or where they do not end with the application. */
export function given(words: readonly string[]): Given {
  const { entries, problems, positionals } = readOptions(words);
  assert.deepEqual(problems, []);
  assert.deepEqual(positionals, ["main:app"]);
  return Object.fromEntries(
    entries.map(({ target, given }) => [target.name, given.kind === "texts" ? given.texts.join(",") : ""]),
  );
}

/** A duration that is given, or else its default. */
export function seconds(options: Given, name: "drainDelay" | "gracefulTimeout"): number {
  return Number(options[name] ?? settings[name].default);
}
