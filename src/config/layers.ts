// Where values come from, weakest first: environment, file, GUNICORN_CMD_ARGS, command line.
import type { Problem } from "../errors.ts";
import { show } from "./codec.ts";
import { lookup, type Named, nearestName } from "./names.ts";
import { settingNames, settingOf } from "./settings/index.ts";

export type Given =
  | { readonly kind: "texts"; readonly texts: readonly string[] }
  | { readonly kind: "value"; readonly value: unknown };

/** One value and who gave it. */
export interface Entry {
  readonly target: Named;
  /** The name as it was written, where a name was. */
  readonly written: string;
  /** `gunicorn.conf.ts`, `WEB_CONCURRENCY`, `--workers`. */
  readonly origin: string;
  readonly given: Given;
}

export interface Layer {
  readonly entries: readonly Entry[];
  readonly problems: readonly Problem[];
  /** What is odd but no reason to stop. */
  readonly warnings?: readonly Problem[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that feed settings. An empty one counts as unset. */
export function environmentLayer(env: Environment): Layer {
  const entries: Entry[] = [];
  const problems: Problem[] = [];
  for (const name of settingNames) {
    const source = settingOf(name).environment;
    const value = source === undefined ? undefined : env[source.name];
    if (source === undefined || value === undefined || value === "") continue;
    const { name: origin, text } = source;
    const given = text === undefined ? value : text.from(value);
    if (given === undefined) {
      problems.push({ origin, what: `expected ${text?.expected}, got ${show(value)}` });
      continue;
    }
    entries.push({
      target: { kind: "setting", name },
      written: name,
      origin,
      given: { kind: "texts", texts: [given] },
    });
  }
  return { entries, problems };
}

/** What a configuration file holds, already loaded. */
export interface FileContent {
  /** How to name the file in messages. */
  readonly origin: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** True where the values are a module's named exports: those that start with `_` are the module's own. */
  readonly exports: boolean;
  /** A module's named exports beside its default one, which alone counts. */
  readonly beside?: Readonly<Record<string, unknown>>;
}

export function fileLayer({ origin, values, exports, beside = {} }: FileContent): Layer {
  const entries: Entry[] = [];
  const { problems, warnings } = outsiders(origin, beside, values);
  const seen = new Map<string, string>();
  for (const [written, value] of Object.entries(values)) {
    // Editors find a JSON file's schema by this key.
    if (value === undefined || written === "$schema" || (exports && written.startsWith("_"))) continue;
    const target = lookup(written);
    if (target === undefined) {
      problems.push({ origin, setting: written, what: unknownWords(written) });
      continue;
    }
    const twin = seen.get(target.name);
    if (twin !== undefined) {
      problems.push({ origin, setting: written, what: `is the same setting as ${twin}; keep one of them` });
      continue;
    }
    seen.set(target.name, written);
    entries.push({ target, written, origin, given: { kind: "value", value } });
  }
  return { entries, problems, warnings };
}

/** Settings that are exported where they don't count. One that the default export has as well is only shared. */
function outsiders(origin: string, beside: FileContent["values"], values: FileContent["values"]) {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const what = "is exported beside the default export, which alone counts";
  for (const [written, value] of Object.entries(beside)) {
    const target = lookup(written);
    const near = nearestName(written);
    const isShared = Object.entries(values).some(
      ([name, taken]) => lookup(name)?.name === target?.name && Object.is(taken, value),
    );
    if (target !== undefined) {
      if (!isShared) problems.push({ origin, setting: written, what: `${what}: put it there` });
    } else if (near !== undefined) {
      warnings.push({ origin, setting: written, what: `${what}; did you mean ${near}, there?` });
    }
  }
  return { problems, warnings };
}

function unknownWords(written: string): string {
  if (written === "config") return "is for the command line only";
  const near = nearestName(written);
  return near === undefined ? "unknown setting" : `unknown setting; did you mean ${near}?`;
}
