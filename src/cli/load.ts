// From argv, environment and file to the resolved configuration. Used at the start and on every reload.
import { findFile, namedFile, readFile } from "../config/file.ts";
import { type Entry, type Environment, environmentLayer, fileLayer, type Layer } from "../config/layers.ts";
import { type Resolved, resolve } from "../config/resolve.ts";
import { shownPath } from "../config/shown-path.ts";
import { type Problem, ServerError, serverError } from "../errors.ts";
import { privateCache } from "../os/cache.ts";
import { answerOf } from "./answer.ts";
import { keepRunning } from "./exit.ts";
import { type Options, readOptions } from "./options.ts";
import { shellWords } from "./shell-words.ts";

export interface Invocation {
  /** The words after the program's name. */
  readonly argv: readonly string[];
  readonly env: Environment;
  /** The directory the server was started in, also after it changed to another. */
  readonly cwd: string;
}

const variable = "GUNICORN_CMD_ARGS";
const nothing: Layer = { entries: [], problems: [] };

/**
 * Reads everything anew and resolves it.
 * @throws USAGE where the command line or GUNICORN_CMD_ARGS is wrong, CONFIG_INVALID where a value is,
 * CONFIG_FILE_MISSING or CONFIG_FILE_FAILED where only the file is. Every problem is named.
 * @param before Called with the file's path before it is read, and awaited.
 */
export async function loadConfig(
  invocation: Invocation,
  before?: (path: string) => Promise<void>,
): Promise<Resolved> {
  return await loadOptions(readOptions(invocation.argv), invocation, 0, before);
}

/**
 * As loadConfig, with the command line read already.
 * @param patience Seconds the file may take; 0 is for ever.
 */
export async function loadOptions(
  options: Options,
  { env, cwd }: Invocation,
  patience: number,
  before?: (path: string) => Promise<void>,
): Promise<Resolved> {
  const fromVariable = variableLayer(env[variable]);
  const fromCommandLine = withApplication(options);
  const usage = [fromVariable, fromCommandLine].flatMap((layer) => layer.problems);

  const file = await attempt(async () => {
    const path = chosenFile([fromCommandLine, fromVariable], cwd);
    if (path === null) return { path, layer: nothing };
    await before?.(path);
    const reading = keepRunning(() => readFile(path, { env, cwd }, privateCache("config", env)));
    const shown = { path: shownPath(path, cwd), seconds: patience };
    // A reload has a limit of its own, around all that it does.
    const content = await (patience === 0
      ? reading
      : answerOf(reading, {
          seconds: patience,
          slow: () => serverError("CONFIG_SLOW", shown),
          stuck: () => serverError("CONFIG_STUCK", shown),
        }));
    return { path, layer: fileLayer(content) };
  });

  const layers = [environmentLayer(env), file.ok ? file.value.layer : nothing, fromVariable, fromCommandLine];
  const resolution = resolve(layers, { cwd, file: file.ok ? file.value.path : null });
  const problems = resolution.ok ? [] : resolution.problems;

  if (!file.ok) {
    if (problems.length === 0) throw file.error;
    throw serverError(usage.length > 0 ? "USAGE" : "CONFIG_INVALID", {
      problems: [...problems, asProblem(file.error)],
    });
  }
  if (!resolution.ok) throw serverError(usage.length > 0 ? "USAGE" : "CONFIG_INVALID", { problems });
  const { resolved } = resolution;
  const odd = layers.flatMap(({ warnings = [] }) => warnings);
  return { ...resolved, warnings: [...ignored(fromVariable), ...odd, ...resolved.warnings] };
}

/** The file's failure as one of several problems: its message starts with the place. */
function asProblem(error: ServerError): Problem {
  const [origin = "", ...what] = error.message.split(": ");
  return { origin, what: what.join(": ") };
}

function variableLayer(text: string | undefined): Options {
  if (text === undefined) return readOptions([], variable);
  const split = shellWords(text);
  if (split.ok) return readOptions(split.words, variable);
  return {
    entries: [],
    positionals: [],
    problems: [{ origin: variable, what: split.what }],
    asked: undefined,
  };
}

/** Gunicorn ignores an application in the variable without a word. */
const ignored = (options: Options): Problem[] =>
  options.positionals.map((word) => ({
    origin: variable,
    what: `${JSON.stringify(word)} is no option and is ignored`,
  }));

function withApplication(options: Options): Layer {
  const [app, ...rest] = options.positionals;
  // The value of an unknown option looks like one application too many.
  const surplus = options.problems.length > 0 ? [] : rest;
  const problems = surplus.map((word) => ({
    origin: "command line",
    what: `${JSON.stringify(word)} is one argument too many: the application is ${JSON.stringify(app)}`,
  }));
  const entry: Entry[] =
    app === undefined
      ? []
      : [
          {
            target: { kind: "setting", name: "app" },
            written: "app",
            origin: "command line",
            given: { kind: "texts", texts: [app] },
          },
        ];
  return { entries: [...options.entries, ...entry], problems: [...options.problems, ...problems] };
}

/** `-c` on the command line, then in the variable, then what is in the start directory. */
function chosenFile(layers: readonly Layer[], cwd: string): string | null {
  for (const entry of layers.flatMap((layer) => layer.entries)) {
    if (entry.target.name !== "config" || entry.given.kind !== "texts") continue;
    const written = entry.given.texts.at(-1) ?? "";
    if (written !== "") return namedFile(written, entry.origin, cwd);
  }
  return findFile(cwd) ?? null;
}

type Attempt<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ServerError };

async function attempt<T>(work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (error instanceof ServerError) return { ok: false, error };
    throw error;
  }
}
