// Completion in the shells themselves.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ready } from "../process/client.ts";
import { scratch, start } from "../process/server.ts";
import { hasPeers, searched } from "./peer.ts";

const DIST = fileURLToPath(new URL("../../../dist/", import.meta.url));

interface Place {
  /** Where what is completed lies: files, and a server's pid file. */
  readonly dir: string;
  readonly run: (program: string, ...args: readonly string[]) => Promise<string>;
}

/** With both commands on the PATH. */
function place(t: TestContext, dir: string): Place {
  const bin = scratch(t);
  for (const [name, file] of [
    ["tgunicorn", "main.js"],
    ["tgunicornctl", "ctl.js"],
  ] as const) {
    const path = join(bin, name);
    writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${join(DIST, file)}' "$@"\n`);
    chmodSync(path, 0o755);
  }
  const env = { PATH: `${bin}:${searched()}`, HOME: dir, XDG_CONFIG_HOME: dir, TERM: "xterm" };
  return {
    dir,
    run: (program, ...args) =>
      new Promise((resolve, reject) => {
        execFile(program, args, { cwd: dir, env }, (error, stdout, stderr) => {
          if (error === null && stderr === "") resolve(stdout);
          else reject(new Error(`${program}: ${stderr}${stdout}`, { cause: error }));
        });
      }),
  };
}

/** Prints what bash's function would offer for the words, the last being the one that is typed. */
const BASH = `source ./"$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(( $# - 1 ))
_"$1"; printf '%s\\n' "\${COMPREPLY[@]}"`;

/** Types each line and TAB in an interactive zsh, and prints what the line is then. */
const ZSH = `zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner "source ./setup.zsh"
for line in "$@"; do
  zpty -w -n inner "$line"$'\\t\\x18'
  zpty -r -m inner seen '*<<<*>>>*'
  print -r -- \${\${seen##*<<<}%%>>>*}
done
zpty -d inner`;
const ZSH_SETUP = `autoload -U compinit
compinit -u -D
source ./tgunicorn.zsh
source ./tgunicornctl.zsh
show() { local line=$BUFFER; BUFFER=; zle -I; print -r -- "<<<$line>>>" }
zle -N show
bindkey '^X' show
`;

type Complete = (lines: readonly string[]) => Promise<string[][]>;

/** One for each shell: what is offered for the last word of each line. */
const SHELLS: Readonly<Record<string, (place: Place) => Complete>> = {
  bash: ({ run }) =>
    each(async (line) => {
      const words = line.split(/ |(=)/).filter((word) => word !== undefined);
      const name = words[0] ?? "";
      return (await run("bash", "--norc", "-c", BASH, "bash", `${name}.bash`, ...words)).split("\n");
    }),
  zsh: ({ dir, run }) => {
    writeFileSync(join(dir, "setup.zsh"), ZSH_SETUP);
    writeFileSync(join(dir, "type.zsh"), ZSH);
    return async (lines) => {
      const typed = (await run("zsh", "-f", "type.zsh", ...lines)).split("\n");
      return lines.map((line, at) => [(typed[at] ?? "").slice(line.search(/[^ =]*$/))]);
    };
  },
  fish: ({ run }) =>
    each(async (line) => {
      const name = line.split(" ", 1)[0] ?? "";
      const out = await run("fish", "-c", `source ./${name}.fish; complete -C $argv`, line);
      // What is said of each follows it; and the flag comes again before a value that is attached.
      return out.split("\n").map((one) => (one.split("\t")[0] ?? "").replace(/^--[a-z-]+=/, ""));
    }),
};

function each(complete: (line: string) => Promise<string[]>): Complete {
  return async (lines) => {
    const all: string[][] = [];
    for (const line of lines) all.push(await complete(line));
    return all;
  };
}

const CASES: readonly (readonly [line: string, offered: string])[] = [
  ["tgunicorn --worker-cl", "--worker-class"],
  ["tgunicorn --no-watch", "--no-watchdog"],
  ["tgunicorn -k ev", "eventloop"],
  ["tgunicorn -w 2 --worker-class th", "threaded"],
  ["tgunicorn -k ./my-w", "./my-worker.ts"],
  ["tgunicorn --log-level crit", "critical"],
  ["tgunicorn --log-level=crit", "critical"],
  ["tgunicorn --print-config=j", "json"],
  ["tgunicorn --tls-min-version TLSv1.3", "TLSv1.3"],
  ["tgunicorn -c gunicorn.c", "gunicorn.conf.json"],
  ["tgunicorn --chdir sub", "subfolder"],
  ["tgunicorn --user roo", "root"],
  ["tgunicorn -w 2 main", "main.mjs"],
  ["tgunicorn --completion fi", "fish"],
  ["tgunicornctl -p app.pid rel", "reload"],
  ["tgunicornctl --soc", "--socket"],
  ["tgunicornctl -p app.pid loglevel deb", "debug"],
  ["tgunicornctl completion z", "zsh"],
  ["tgunicornctl -p my-", "my-worker.ts"],
  // It is asked for its workers.
  ["tgunicornctl -p app.pid stack ", "1"],
  ["tgunicornctl --pid=app.pid --json recycle ", "1"],
];

for (const [shell, completer] of Object.entries(SHELLS)) {
  test(`${shell} completes flags, values, files, commands and workers`, async (t) => {
    if (!hasPeers(t, shell)) return;
    const leaves = ["tgunicorn", "tgunicornctl"].map((name) => `${name}.${shell}`);
    const server = start(t, ["-b", "127.0.0.1:0", "-p", "app.pid", "--log-level", "debug", "main.mjs:app"], {
      files: {
        "main.mjs": "export const app = (request, response) => response.end();",
        "my-worker.ts": "",
        "gunicorn.conf.json": "{}",
        "subject.txt": "",
      },
      leaves: [...leaves, "subfolder", "setup.zsh", "type.zsh", "fish", ".config", ".local", ".cache"],
    });
    await ready(server, 1);
    await server.saw(/Control socket/);
    mkdirSync(join(server.dir, "subfolder"));
    const here = place(t, server.dir);
    for (const [name, ...words] of [
      ["tgunicorn", "--completion", shell],
      ["tgunicornctl", "completion", shell],
    ] as const) {
      writeFileSync(join(server.dir, `${name}.${shell}`), await here.run(name, ...words));
    }
    const complete = completer(here);
    const found = await complete(CASES.map(([line]) => line));
    // A space, a slash or an equals sign is added where nothing else can follow.
    const bare = (one: string): string => one.replace(/[ /=]$/, "");
    assert.deepEqual(
      found.map((all, at) => [CASES[at]?.[0], all.map(bare).filter((one) => one !== "")]),
      CASES.map(([line, offered]) => [line, [offered]]),
    );
    await server.stop();
  });
}

test("bash offers all there is where nothing is typed", async (t) => {
  const here = place(t, scratch(t, { "a file.mjs": "", "b.mjs": "" }));
  writeFileSync(join(here.dir, "tgunicorn.bash"), await here.run("tgunicorn", "--completion", "bash"));
  writeFileSync(join(here.dir, "tgunicornctl.bash"), await here.run("tgunicornctl", "completion", "bash"));
  const offers = async (...words: string[]): Promise<string[]> => {
    const text = await here.run("bash", "--norc", "-c", BASH, "bash", `${words[0]}.bash`, ...words);
    return text.trimEnd().split("\n").sort();
  };
  assert.deepEqual(await offers("tgunicorn", "--reload-mode", ""), ["all", "rolling"]);
  assert.deepEqual(await offers("tgunicorn", "--reload-mode", "="), ["all", "rolling"]);
  assert.deepEqual(await offers("tgunicorn", "--config", "a"), ["a file.mjs"]);
  // What follows a flag without a value is the application.
  assert.deepEqual(await offers("tgunicorn", "--print-config", "b"), ["b.mjs"]);
  assert.deepEqual(await offers("tgunicorn", "--timeout", ""), [""]);
  const { stdout } = await new Promise<{ stdout: string }>((resolve) => {
    execFile(process.execPath, [join(DIST, "ctl.js"), "--help"], (_, out) => resolve({ stdout: out }));
  });
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) .*\.$/gm)].map(([, name]) => name);
  assert.ok(commands.length > 8);
  assert.deepEqual(await offers("tgunicornctl", "-s", "x", ""), commands.sort());
});
