// Layers to one frozen Config with the origin of every value, or to every problem at once.
import { types } from "node:util";
import type { Problem } from "../errors.ts";
import { show } from "./codec.ts";
import type { Config } from "./config.ts";
import { derive } from "./derive.ts";
import { freeze } from "./freeze.ts";
import { asHook, type HookName, type Hooks, hooks as hookTable, isHookName } from "./hooks.ts";
import type { Entry, Layer } from "./layers.ts";
import { rules } from "./rules.ts";
import type { Start } from "./setting.ts";
import { settingNames, settingOf } from "./settings/index.ts";

export interface Resolved {
  readonly config: Config;
  readonly hooks: Hooks;
  /** Where each setting's value came from, by name; hooks that were given are named as well. */
  readonly origins: Readonly<Record<string, string>>;
  /** What is odd but no reason to stop. */
  readonly warnings: readonly Problem[];
}

export type Resolution =
  | { readonly ok: true; readonly resolved: Resolved }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export const defaultOrigin = "default";

/** Resolves layers, the weakest first. A stronger layer's value replaces a weaker one's and is never joined to it. */
export function resolve(
  layers: readonly Layer[],
  start: Start & { readonly file: string | null },
): Resolution {
  const problems: Problem[] = layers.flatMap((layer) => layer.problems);
  const values: Record<string, unknown> = {};
  const given: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  for (const name of settingNames) {
    values[name] = settingOf(name).default;
    origins[name] = defaultOrigin;
  }

  for (const entry of layers.flatMap((layer) => layer.entries)) {
    const what = entry.target.kind === "hook" ? takeHook(entry, given) : takeSetting(entry, values);
    if (what === undefined) origins[entry.target.name] = entry.origin;
    else problems.push(problemOf(entry, what));
  }
  if (problems.length > 0) return { ok: false, problems };

  for (const name of settingNames)
    values[name] = settingOf(name).settle?.(values[name], start) ?? values[name];
  values.config = start.file;
  if (!isConfig(values) || !isHooks(given)) throw new Error("a setting is missing after all were resolved");

  const config = derive(values);
  const findings = rules.flatMap((rule) => rule(config, origins));
  const errors = findings.filter((finding) => finding.severity === "error");
  if (errors.length > 0) return { ok: false, problems: errors.map((finding) => finding.problem) };
  const warnings = findings.map((finding) => finding.problem);
  return { ok: true, resolved: freeze({ config, hooks: given, origins, warnings }) };
}

function takeSetting(entry: Entry, values: Record<string, unknown>): string | undefined {
  if (entry.target.kind !== "setting") return undefined;
  const { codec } = settingOf(entry.target.name);
  const read =
    entry.given.kind === "texts" ? codec.parse(entry.given.texts) : codec.accept(entry.given.value);
  if (!read.ok) return read.what;
  values[entry.target.name] = read.value;
  return undefined;
}

function takeHook(entry: Entry, given: Record<string, unknown>): string | undefined {
  if (entry.given.kind !== "value" || !isHookName(entry.target.name)) return undefined;
  const value = asHook(entry.target.name, entry.given.value);
  if (value === null) return undefined;
  if (typeof value !== "function") {
    const or = hookTable[entry.target.name].orLogger ? " or a logger with debug, info, warn and error" : "";
    return `expected a function${or}, got ${show(value)}`;
  }
  if (hookTable[entry.target.name].perRequest && types.isAsyncFunction(value)) {
    return "expected a function that is not async: it is called for every request";
  }
  given[entry.target.name] = value;
  return undefined;
}

/** The flag or the variable says which setting it is; a file has to be told. */
const problemOf = (entry: Entry, what: string): Problem =>
  entry.given.kind === "texts" && entry.origin !== "GUNICORN_CMD_ARGS"
    ? { origin: entry.origin, what }
    : { origin: entry.origin, setting: entry.written, what };

/** Complete, so a Config: each value passed its own codec. */
const isConfig = (values: object): values is Config =>
  settingNames.every((name) => Object.hasOwn(values, name));

const isHooks = (given: Record<string, unknown>): given is Hooks & Record<HookName, unknown> =>
  Object.entries(given).every(([name, value]) => isHookName(name) && typeof value === "function");
