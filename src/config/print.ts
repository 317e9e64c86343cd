// `--print-config`: every setting, its value and where it came from.
import { type HookName, hookNames } from "./hooks.ts";
import { defaultOrigin, type Resolved } from "./resolve.ts";
import { type SettingName, settingNames, settingOf } from "./settings/index.ts";

interface Row {
  readonly name: string;
  readonly shown: string;
  readonly value: unknown;
  readonly origin: string;
}

/** A newline in a value must not look like another setting. */
const oneLine = (text: string) => (/[\n\r\t]/.test(text) ? JSON.stringify(text) : text);

function rowsOf(resolved: Resolved): readonly Row[] {
  const { config, hooks, origins } = resolved;
  const origin = (name: SettingName | HookName) => origins[name] ?? defaultOrigin;
  const rows = settingNames.map((name): Row => {
    const { codec } = settingOf(name);
    const shown = codec.format(config[name]).join(", ");
    return {
      name,
      shown: shown === "" ? "none" : oneLine(shown),
      value: codec.plain(config[name]),
      origin: origin(name),
    };
  });
  const hookRows = hookNames.map((name): Row => {
    const hook = hooks[name];
    const shown = hook === undefined ? "none" : `<function ${hook.name || "anonymous"}>`;
    return { name, shown, value: hook === undefined ? null : shown, origin: origin(name) };
  });
  return [...rows, ...hookRows].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** Every setting by its name: what `--print-config` says of it in either form. */
export function describedConfig(
  resolved: Resolved,
): Record<string, { value: unknown; shown: string; origin: string }> {
  return Object.fromEntries(
    rowsOf(resolved).map(({ name, value, shown, origin }) => [name, { value, shown, origin }]),
  );
}

/** The settings by name, as text (`workers = 4   # --workers`) or as JSON (`{"workers": {"value": 4, "origin": ...}}`). */
export function printConfig(resolved: Resolved, form: "text" | "json"): string {
  const rows = rowsOf(resolved);
  if (form === "json") {
    const settings = rows.map(({ name, value, origin }) => [name, { value, origin }]);
    return `${JSON.stringify(Object.fromEntries(settings), null, 2)}\n`;
  }
  const width = Math.max(...rows.map((row) => row.name.length));
  return rows.map((row) => `${row.name.padEnd(width)} = ${row.shown}   # ${row.origin}\n`).join("");
}
