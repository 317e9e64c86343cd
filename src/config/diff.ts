// What a reload changes, by when it takes hold.
import { isDeepStrictEqual } from "node:util";
import type { Config } from "./config.ts";
import type { Takes } from "./setting.ts";
import { type SettingName, settingNames, settingOf } from "./settings/index.ts";

export type Changes = Readonly<Record<Takes, readonly SettingName[]>>;

/** The settings whose values differ, grouped by when the new value takes hold. */
export function diff(before: Config, after: Config): Changes {
  const changed = settingNames.filter((name) => !isDeepStrictEqual(before[name], after[name]));
  const taking = (takes: Takes) => changed.filter((name) => settingOf(name).takes === takes);
  return { "at once": taking("at once"), "new workers": taking("new workers"), restart: taking("restart") };
}
