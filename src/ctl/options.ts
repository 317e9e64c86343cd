// tgunicornctl's command line.

import { shells } from "../completion/shell.ts";
import { besidePidfile } from "../config/control-path.ts";
import { nearest } from "../config/nearest.ts";
import { Failure } from "./client.ts";

export interface Options {
  readonly socket: string;
  /** Where the socket's path comes from. */
  readonly pidfile: string | null;
  readonly json: boolean;
  readonly wait: boolean;
  readonly quick: boolean;
  readonly command: string;
  readonly values: readonly string[];
}

export interface CommandWords {
  readonly name: string;
  /** What follows it: `N`. */
  readonly takes: string | null;
  readonly about: string;
  /** It asks no server. */
  readonly alone?: true;
}

export const commands: readonly CommandWords[] = [
  { name: "status", takes: null, about: "What the server does." },
  { name: "workers", takes: null, about: "Every worker." },
  { name: "top", takes: null, about: "A live view of the workers; q ends it." },
  { name: "metrics", takes: null, about: "The figures as Prometheus reads them." },
  { name: "config", takes: null, about: "Every setting, and where it comes from." },
  {
    name: "reload",
    takes: null,
    about: "Reload; waits. Where the new workers don't start it says why, and the status is 1.",
  },
  { name: "stop", takes: null, about: "Stop gracefully, or with --quick at once; waits." },
  { name: "scale", takes: "N", about: "Have N workers from now on." },
  { name: "recycle", takes: "ID", about: "Replace one worker." },
  {
    name: "stack",
    takes: "ID",
    about: "What one worker does just now: its requests and its JavaScript stack.",
  },
  { name: "loglevel", takes: "LEVEL", about: "Log from this level on, until the next reload." },
  { name: "reopen", takes: null, about: "Open the log files anew." },
  {
    name: "completion",
    takes: "SHELL",
    about: `Print a script that completes this command in a shell: ${shells.join(", ")}.`,
    alone: true,
  },
];

export interface FlagWords {
  readonly key: "pidfile" | "socket" | "json" | "noWait" | "quick" | "help" | "version";
  /** The shorter first. */
  readonly names: readonly string[];
  readonly takes: string | null;
  readonly about: string;
  /** The commands that it is for; by default all. */
  readonly for?: readonly string[];
  /** Where another command serves instead. */
  readonly not?: Readonly<Record<string, string>>;
}

export const flags: readonly FlagWords[] = [
  {
    key: "pidfile",
    names: ["-p", "--pid"],
    takes: "PIDFILE",
    about: "The server's pid file: its control socket lies beside it.",
  },
  { key: "socket", names: ["-s", "--socket"], takes: "SOCKET", about: "The server's --control-socket." },
  {
    key: "json",
    names: ["-j", "--json"],
    takes: null,
    about: "Print what the server answers, as JSON.",
    not: { top: "workers", completion: "completion without it" },
  },
  {
    key: "noWait",
    names: ["--no-wait"],
    takes: null,
    about: "Return as soon as the server has been told.",
    for: ["reload", "stop"],
  },
  { key: "quick", names: ["--quick"], takes: null, about: "Do not let workers finish.", for: ["stop"] },
  { key: "help", names: ["-h", "--help"], takes: null, about: "Show this help." },
  { key: "version", names: ["-v", "--version"], takes: null, about: "Show the version." },
];

export const help = (): string => {
  const rows = commands.map(({ name, takes, about }) => [
    `${name}${takes === null ? "" : ` ${takes}`}`,
    about,
  ]);
  const options = flags.map(({ names, takes, about, for: only }) => [
    `${names.length === 1 ? "    " : ""}${names.join(", ")}${takes === null ? "" : ` ${takes}`}`,
    only === undefined ? about : `${only.join(", ")}: ${about.charAt(0).toLowerCase()}${about.slice(1)}`,
  ]);
  return `Usage: tgunicornctl (-p PIDFILE | -s SOCKET) COMMAND

Commands:
${columns(rows)}

A worker's ID is its number in the log, as in worker=2; or pid=41.

Options:
${columns(options)}
`;
};

function columns(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([name = ""]) => name.length));
  return rows.map(([name = "", about]) => `  ${name.padEnd(width)}  ${about}`).join("\n");
}

export type Asked =
  | { readonly type: "help" | "version" }
  | { readonly type: "run"; readonly options: Options };

/** Throws a Failure of exit status 2. */
export function readOptions(argv: readonly string[]): Asked {
  const values = new Map<FlagWords["key"], { readonly flag: FlagWords; readonly text: string }>();
  const words: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const [, written = argv[at] ?? "", attached] = /^(--[a-z-]+)=(.*)$/s.exec(argv[at] ?? "") ?? [];
    const flag = flags.find(({ names }) => names.includes(written));
    if (flag === undefined) {
      // A number below 0 is wrong in another way.
      if (!/^-[^\d]/.test(written)) words.push(written);
      else
        throw usage(
          `${written}: unknown option${meant(
            written,
            flags.flatMap(({ names }) => names),
          )}`,
        );
      continue;
    }
    const { key, takes } = flag;
    if (takes === null && attached !== undefined) throw usage(`${written} takes no value`);
    if (key === "help" || key === "version") return { type: key };
    const text = takes === null ? written : (attached ?? argv[++at] ?? "");
    if (text === "") throw usage(`${written} needs a value`);
    values.set(key, { flag, text });
  }
  const [command, ...rest] = words;
  if (command === undefined) throw usage("no command was given");
  const known = commands.find(({ name }) => name === command);
  if (known === undefined) {
    throw usage(
      `${command}: unknown command${meant(
        command,
        commands.map(({ name }) => name),
      )}`,
    );
  }
  const wanted = known.takes === null ? 0 : 1;
  if (rest.length < wanted) throw usage(`${command} needs ${known.takes}`);
  if (rest.length > wanted) throw usage(`${command}: ${rest[wanted]} is too much`);
  for (const { flag, text } of values.values()) {
    if (flag.for?.includes(command) === false)
      throw usage(`${text} is for ${flag.for.join(" and ")}, not for ${command}`);
    const instead = flag.not?.[command];
    if (instead !== undefined) throw usage(`${command} has no ${text}; use ${instead}`);
  }
  if (values.has("pidfile") && values.has("socket"))
    throw usage("which server? -p and -s name one each: give one of them");
  const pidfile = values.get("pidfile")?.text ?? null;
  const socket = values.get("socket")?.text ?? (pidfile === null ? null : besidePidfile(pidfile));
  if (socket === null && known.alone !== true) {
    throw usage("which server? Name its pid file with -p, or its control socket with -s");
  }
  const options = {
    socket: socket ?? "",
    pidfile,
    json: values.has("json"),
    wait: !values.has("noWait"),
    quick: values.has("quick"),
    command,
    values: rest,
  };
  return { type: "run", options };
}

const usage = (what: string): Failure =>
  new Failure(`${what}${what.endsWith("?") ? "" : "."} See tgunicornctl --help`, 2);

function meant(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? "" : `; did you mean ${near}?`;
}
