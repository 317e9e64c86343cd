// Names as users write them: camelCase, Gunicorn's snake_case, and slips of the pen.
import { type HookName, hookNames } from "./hooks.ts";
import { nearest } from "./nearest.ts";
import { type SettingName, settingNames, settingOf } from "./settings/index.ts";

export type Named =
  | { readonly kind: "setting"; readonly name: SettingName }
  | { readonly kind: "hook"; readonly name: HookName };

/** `maxRequests` -> `max_requests` */
export const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const known = new Map<string, Named>();
for (const name of settingNames) {
  const { inFile, aliases = [] } = settingOf(name);
  if (inFile === false) continue;
  for (const written of [name, snakeCase(name), ...aliases]) known.set(written, { kind: "setting", name });
}
for (const name of hookNames) {
  for (const written of [name, snakeCase(name)]) known.set(written, { kind: "hook", name });
}

/** What a name in a configuration file stands for. */
export const lookup = (written: string): Named | undefined => known.get(written);

/** The known name of a configuration file nearest to an unknown one, in the unknown one's own style. */
export const nearestName = (written: string): string | undefined => nearest(written, [...known.keys()]);
