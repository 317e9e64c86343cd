// Reads options by the settings table: from a command line, and from GUNICORN_CMD_ARGS.
// yargs only renders the help (help.ts); docs/decisions/0001-settings.md says why.
import { isShell, type Shell } from "../completion/shell.ts";
import { show } from "../config/codec.ts";
import type { Entry, Layer } from "../config/layers.ts";
import { nearest } from "../config/nearest.ts";
import { type SettingName, settingNames, settingOf } from "../config/settings/index.ts";
import type { Problem } from "../errors.ts";
import { questions } from "./questions.ts";

export interface Options extends Layer {
  /** What is no option: the application. */
  readonly positionals: readonly string[];
  /** A question that is answered instead of serving. */
  readonly asked: Asked | undefined;
}

export type Asked =
  | { readonly type: "help" | "version" }
  | { readonly type: "completion"; readonly shell: Shell };

const settingByFlag = new Map<string, SettingName>();
for (const name of settingNames) {
  for (const flag of settingOf(name).flags) settingByFlag.set(flag, name);
}
const flags: readonly string[] = [
  ...settingByFlag.keys(),
  ...questions.flatMap((question) => question.flags),
];

/**
 * As argparse has it: what starts with a flag of ours is an option, whatever follows; of the rest a hyphen alone, a negative
 * number and text with a space in it are values.
 */
function looksLikeOption(word: string): boolean {
  if (!/^-./.test(word)) return false;
  if (flags.includes(split(word).flag)) return true;
  return !/^-\.?\d/.test(word) && !word.includes(" ");
}

/** Splits `--flag=value`, `-w=4` and `-w4`. */
function split(word: string): { readonly flag: string; readonly value: string | undefined } {
  const [, flag = word, value] = /^(--[^=]*|-[^-=])=([\s\S]*)$/.exec(word) ?? [];
  if (value !== undefined || word.startsWith("--") || word.length === 2) return { flag, value };
  return { flag: word.slice(0, 2), value: word.slice(2) };
}

/** As `split`, but what follows a short flag that takes no value is another short flag: `-RD` is `-R -D`. */
function separate(word: string): ReturnType<typeof split> & { readonly joined?: string } {
  const { flag, value } = split(word);
  const name = settingByFlag.get(flag);
  const alone = name !== undefined && settingOf(name).codec.implied !== undefined;
  const another = value !== undefined && word === flag + value && flags.includes(`-${value.charAt(0)}`);
  return alone && another && !flag.startsWith("--")
    ? { flag, value: undefined, joined: `-${value}` }
    : { flag, value };
}

/** `variable` names the environment variable the words come from; without it they are the command line's. */
export function readOptions(words: readonly string[], variable?: string): Options {
  const given = new Map<SettingName, { flag: string; texts: string[] }>();
  const positionals: string[] = [];
  const problems: Problem[] = [];
  let asked: Options["asked"];

  const complain = (flag: string, what: string) =>
    problems.push(
      variable === undefined ? { origin: flag, what } : { origin: variable, setting: flag, what },
    );

  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === "--") {
      positionals.push(...left);
      break;
    }
    if (!looksLikeOption(word)) {
      positionals.push(word);
      continue;
    }
    const { flag, value, joined } = separate(word);
    if (joined !== undefined) left.unshift(joined);
    const question = questions.find((one) => one.flags.includes(flag));
    const name = settingByFlag.get(flag);
    if (question !== undefined) {
      const { asks, words: expected } = question;
      const text = expected === undefined ? value : (value ?? left.shift() ?? "");
      if (variable !== undefined) complain(flag, "is for the command line only");
      else if (asks !== "completion" && text !== undefined) complain(flag, "takes no value");
      else if (asks !== "completion") asked ??= { type: asks };
      else if (text !== undefined && isShell(text)) asked ??= { type: asks, shell: text };
      else complain(flag, `expected one of ${expected?.join(", ")}, got ${show(text)}`);
    } else if (name === undefined) {
      complain(flag, unknownWords(flag));
    } else {
      const { codec, valueMayFollow = false } = settingOf(name);
      const { implied } = codec;
      const denies = implied === "true" && flag.startsWith("--no-");
      const [next] = left;
      let text = denies ? "false" : (value ?? implied);
      const follows = text === undefined || (valueMayFollow && value === undefined);
      const fits = implied === undefined || codec.parse([next ?? ""]).ok;
      if (follows && next !== undefined && !looksLikeOption(next) && fits) {
        text = next;
        left.shift();
      }
      if (denies && value !== undefined) complain(flag, "takes no value");
      else if (text === undefined) complain(flag, "needs a value");
      else given.set(name, { flag, texts: [...(given.get(name)?.texts ?? []), text] });
    }
  }

  const entries = [...given].map(
    ([name, { flag, texts }]): Entry => ({
      target: { kind: "setting", name },
      written: name,
      origin: variable ?? flag,
      given: { kind: "texts", texts },
    }),
  );
  return { entries, positionals, problems, asked };
}

function unknownWords(flag: string): string {
  const near = flag.startsWith("--") ? nearest(flag.split("=")[0] ?? flag, flags) : undefined;
  return near === undefined ? "unknown option" : `unknown option; did you mean ${near}?`;
}
