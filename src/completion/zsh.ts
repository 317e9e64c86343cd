// For zsh: to be sourced, or as a file _NAME in a directory of $fpath.
// https://zsh.sourceforge.io/Doc/Release/Completion-System.html#index-_005farguments

import { type Flag, fromOf, type Program, SERVER_FLAGS, type Value, wordsOf } from "./program.ts";

export function zsh(program: Program): string {
  const { name, source, flags, commands, argument } = program;
  const values = [...flags, ...commands].flatMap(({ value }) => (value === null ? [] : [value]));
  const mixed = values.filter((value) => wordsOf(value).length > 0 && fromOf(value) !== undefined);
  const positional =
    commands.length > 0
      ? ["1: :->command", "2: :->value"]
      : argument === null
        ? []
        : [valueSpec(argument, "1:", mixed, name)];
  const specs = [...flags.flatMap((flag) => flagSpecs(flag, mixed, name)), ...positional];
  return `#compdef ${name}
# Completes ${name} in zsh. Made by: ${source} zsh
_${name}() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  _arguments -C -s -S \\
${specs.map((spec) => `    ${quoted(spec)}`).join(" \\\n")}
${commands.length === 0 ? "" : states(program, mixed)}}
${mixed.map((value, at) => mixedFunction(value, at, name)).join("")}${commands.length === 0 ? "" : workers(name)}
if [[ "$funcstack[1]" == "_${name}" ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

function flagSpecs(
  { names, about, value, bare, repeatable }: Flag,
  mixed: readonly Value[],
  program: string,
): string[] {
  const excludes = repeatable ? "*" : names.length > 1 ? `(${names.join(" ")})` : "";
  return names.map((name) => {
    const described = `[${escaped(about).replaceAll("[", "\\[").replaceAll("]", "\\]")}]`;
    if (value === null || (bare && !name.startsWith("--"))) return `${excludes}${name}${described}`;
    if (bare) return valueSpec(value, `${excludes}${name}=-${described}::`, mixed, program);
    return valueSpec(
      value,
      `${excludes}${name}${name.startsWith("--") ? "=" : "+"}${described}:`,
      mixed,
      program,
    );
  });
}

const valueSpec = (value: Value, before: string, mixed: readonly Value[], program: string): string =>
  `${before}${escaped(value.metavar)}:${action(value, mixed, program)}`;

function action(value: Value, mixed: readonly Value[], program: string): string {
  const at = mixed.indexOf(value);
  if (at >= 0) return `_${program}_value_${at}`;
  const words = wordsOf(value);
  if (words.length > 0) return `(${words.join(" ")})`;
  return sourceOf(value, program) ?? " ";
}

function sourceOf(value: Value, program: string): string | undefined {
  switch (fromOf(value)) {
    case "files":
      return "_files";
    case "directories":
      return "_files -/";
    case "users":
      return "_users";
    case "groups":
      return "_groups";
    case "workers":
      return `_${program}_workers`;
    default:
      return undefined;
  }
}

const mixedFunction = (value: Value, at: number, program: string): string => `
_${program}_value_${at}() {
  _alternative ${quoted(`words:${escaped(value.metavar)}:(${wordsOf(value).join(" ")})`)} ${quoted(`others:${escaped(value.metavar)}:${sourceOf(value, program) ?? " "}`)}
}
`;

function states({ name, commands }: Program, mixed: readonly Value[]): string {
  const described = commands.map((one) => quoted(`${one.name}:${escaped(one.about)}`)).join(" ");
  const takers = commands.flatMap(({ name: command, value }) => {
    if (value === null) return [];
    const words = wordsOf(value);
    const offer =
      words.length > 0
        ? `compadd -- ${words.join(" ")}`
        : (sourceOf(value, name) ?? `_message ${quoted(value.metavar)}`);
    return [`        ${command}) ${mixed.includes(value) ? action(value, mixed, name) : offer} ;;`];
  });
  return `  case $state in
    command)
      local -a commands=(${described})
      _describe -t commands command commands ;;
    value)
      case $line[1] in
${takers.join("\n")}
      esac ;;
  esac
`;
}

const workers = (program: string): string => `
_${program}_workers() {
  local flag
  local -a server ids
  for flag in ${SERVER_FLAGS.join(" ")}; do
    (( \${+opt_args[$flag]} )) && server+=($flag "\${(Q)opt_args[$flag]}")
  done
  ids=(\${(f)"$(\${(Q)words[1]} $server workers 2>/dev/null | awk 'NR > 1 { print $1 }')"})
  compadd -- $ids
}
`;

/** A colon ends a part of a specification. */
const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll(":", "\\:");

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
