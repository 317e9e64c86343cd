// For bash, from 3.2 on, without the package bash-completion.
// https://www.gnu.org/software/bash/manual/html_node/Programmable-Completion.html

import { type Flag, fromOf, type Program, SERVER_FLAGS, type Value, wordsOf } from "./program.ts";

export function bash(program: Program): string {
  const { name, source, flags, commands, argument } = program;
  const takers = flags.filter(({ value }) => value !== null);
  // "=" is a word of its own in COMP_WORDS.
  return `# Completes ${name} in bash. Made by: ${source} bash
_${name}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" flag= equals= IFS=$' \\t\\n'
  COMPREPLY=()
  if [[ $cur == "=" ]]; then
    flag=$before cur= equals="="
  elif [[ $before == "=" ]] && (( COMP_CWORD > 1 )); then
    flag="\${COMP_WORDS[COMP_CWORD-2]}" equals="="
  elif (( COMP_CWORD > 1 )); then
    flag=$before
  fi
  case "$flag$equals" in
${takers.map((flag) => flagCase(flag, name)).join("\n")}
  esac
  if [[ -n $equals ]]; then
    return
  fi
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W ${quoted(flags.flatMap(({ names }) => names).join(" "))} -- "$cur"))
    return
  fi
${commands.length === 0 ? (argument === null ? "" : `  ${action(argument, name)}\n`) : commandPart(program)}}
${commands.length === 0 ? "" : `\n${helpers(program)}`}
complete -F _${name} ${name}
`;
}

function flagCase({ names, value, bare }: Flag, program: string): string {
  const patterns = names
    .filter((name) => !bare || name.startsWith("--"))
    .flatMap((name) => (bare ? [`${name}=`] : [name, `${name}=`]));
  return `    ${patterns.join("|")}) ${value === null ? "" : action(value, program)}; return ;;`;
}

function action(value: Value, program: string): string {
  const from = fromOf(value);
  const words = wordsOf(value);
  const steps: string[] = [];
  if (words.length > 0) steps.push(`COMPREPLY=($(compgen -W ${quoted(words.join(" "))} -- "$cur"))`);
  switch (from) {
    case "files":
    case "directories":
      steps.push(
        `IFS=$'\\n'; COMPREPLY+=($(compgen -${from === "files" ? "f" : "d"} -- "$cur"))`,
        "compopt -o filenames 2>/dev/null",
      );
      break;
    case "users":
    case "groups":
      steps.push(`COMPREPLY+=($(compgen -${from === "users" ? "u" : "g"} -- "$cur"))`);
      break;
    case "workers":
      steps.push(`COMPREPLY+=($(compgen -W "$(_${program}_workers)" -- "$cur"))`);
      break;
  }
  return steps.length === 0 ? ":" : steps.join("; ");
}

/** The command is the first word that is no flag and no flag's value. */
const commandPart = ({ name, commands }: Program): string => `  case "$(_${name}_command)" in
    "") COMPREPLY=($(compgen -W ${quoted(commands.map((one) => one.name).join(" "))} -- "$cur")) ;;
${commands.flatMap((one) => (one.value === null ? [] : [`    ${one.name}) ${action(one.value, name)} ;;`])).join("\n")}
  esac
`;

function helpers({ name, flags }: Program): string {
  const takers = flags.filter(({ value }) => value !== null).flatMap(({ names }) => names);
  return `_${name}_command() {
  local i
  for (( i = 1; i < COMP_CWORD; i++ )); do
    case "\${COMP_WORDS[i]}" in
      ${takers.join("|")})
        [[ \${COMP_WORDS[i+1]} == "=" ]] && (( i++ ))
        (( i++ )) ;;
      -*) ;;
      *) printf '%s' "\${COMP_WORDS[i]}"; return ;;
    esac
  done
}

_${name}_workers() {
  local i server=()
  for (( i = 1; i < COMP_CWORD; i++ )); do
    case "\${COMP_WORDS[i]}" in
      ${SERVER_FLAGS.join("|")})
        server+=("\${COMP_WORDS[i]}")
        [[ \${COMP_WORDS[i+1]} == "=" ]] && (( i++ ))
        server+=("\${COMP_WORDS[i+1]}") ;;
    esac
  done
  "\${COMP_WORDS[0]}" "\${server[@]}" workers 2>/dev/null | awk 'NR > 1 { print $1 }'
}
`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
