// What shells have to know of `tgunicornctl`, from its own tables.

import type { Program, Value } from "../completion/program.ts";
import { script } from "../completion/script.ts";
import { isShell, shells } from "../completion/shell.ts";
import { settings } from "../config/settings/index.ts";
import { Failure } from "./client.ts";
import { commands, flags } from "./options.ts";

/** Throws a Failure where there is no such shell. */
export function completionScript(shell: string): string {
  if (isShell(shell)) return script(shell, program());
  throw new Failure(`completion: ${shell} is unknown; known are ${shells.join(", ")}`, 2);
}

/** What the tables' words stand for. */
const OFFERS: Readonly<Record<string, Value["offers"]>> = {
  PIDFILE: { from: "files" },
  SOCKET: { from: "files" },
  ID: "workers",
  LEVEL: settings.loglevel.codec.offers ?? {},
  SHELL: { words: shells },
};

const valued = (takes: string | null): Value | null =>
  takes === null ? null : { metavar: takes, offers: OFFERS[takes] ?? {} };

const program = (): Program => ({
  name: "tgunicornctl",
  source: "tgunicornctl completion",
  flags: flags.map(({ names, takes, about }) => ({
    names,
    about,
    value: valued(takes),
    bare: false,
    repeatable: false,
  })),
  commands: commands.map(({ name, takes, about }) => ({ name, about, value: valued(takes) })),
  argument: null,
});
