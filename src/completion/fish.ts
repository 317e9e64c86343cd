// For fish. https://fishshell.com/docs/current/cmds/complete.html

import { type Flag, fromOf, type Program, SERVER_FLAGS, type Value, wordsOf } from "./program.ts";

export function fish(program: Program): string {
  const { name, source, flags, commands, argument } = program;
  const lines = [`# Completes ${name} in fish. Made by: ${source} fish`];
  if (commands.length > 0) lines.push(helpers(program));
  for (const flag of flags) lines.push(flagLine(flag, name));
  const files = argument !== null && fromOf(argument) === "files";
  if (!files) lines.push(`complete -c ${name} -f`);
  for (const command of commands) {
    const at = `complete -c ${name} -n 'not __${name}_command >/dev/null'`;
    lines.push(`${at} -f -a ${command.name} -d ${quoted(command.about)}`);
    if (command.value === null) continue;
    const list = offered(command.value, name);
    if (list !== "")
      lines.push(
        `complete -c ${name} -n 'contains -- ${command.name} (__${name}_command)' -f -a ${quoted(list)}`,
      );
  }
  return `${lines.join("\n")}\n`;
}

function flagLine({ names, about, value, bare }: Flag, program: string): string {
  const written = names.map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  const takes =
    value === null
      ? "-f"
      : `${bare ? "-f" : fromOf(value) === "files" ? "-r -F" : "-x"}${list(value, program)}`;
  return `complete -c ${program} ${written.join(" ")} ${takes} -d ${quoted(about)}`;
}

function list(value: Value, program: string): string {
  const text = offered(value, program);
  return text === "" ? "" : ` -a ${quoted(text)}`;
}

function offered(value: Value, program: string): string {
  const words = [...wordsOf(value)];
  switch (fromOf(value)) {
    case "directories":
      words.push("(__fish_complete_directories)");
      break;
    case "users":
      words.push("(__fish_complete_users)");
      break;
    case "groups":
      words.push("(__fish_complete_groups)");
      break;
    case "workers":
      words.push(`(__${program}_workers)`);
      break;
  }
  return words.join(" ");
}

/** The command is the first word that is no flag and no flag's value. */
function helpers({ name, flags }: Program): string {
  const takers = flags.filter(({ value }) => value !== null).flatMap(({ names }) => names);
  return `function __${name}_command
  set -l words (commandline -opc)
  set -e words[1]
  while set -q words[1]
    if contains -- $words[1] ${takers.join(" ")}
      set -e words[1]
    else if not string match -q -- '-*' $words[1]
      echo $words[1]
      return
    end
    set -e words[1]
  end
  return 1
end

function __${name}_workers
  set -l words (commandline -opc)
  set -l command $words[1]
  set -l server
  while set -q words[1]
    if contains -- $words[1] ${SERVER_FLAGS.join(" ")}
      set -a server $words[1] $words[2]
    else if string match -qr -- '^(${SERVER_FLAGS.filter((flag) => flag.startsWith("--")).join("|")})=' $words[1]
      set -a server $words[1]
    end
    set -e words[1]
  end
  $command $server workers 2>/dev/null | awk 'NR > 1 { print $1 }'
end`;
}

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
