// What a shell has to know of a command line to complete it. The scripts for each shell are made from this.

import type { Offers } from "../config/codec.ts";

export interface Value {
  /** What stands for it in a usage line: `FILE`. */
  readonly metavar: string;
  /** `workers` are those of the server that the command line names, asked when they are wanted. */
  readonly offers: Offers | "workers";
}

export interface Flag {
  /** As written: `-w`, `--workers`. */
  readonly names: readonly string[];
  readonly about: string;
  /** Null where it takes none. */
  readonly value: Value | null;
  /** The value may only be given with `=`, and left out. */
  readonly bare: boolean;
  readonly repeatable: boolean;
}

export interface Command {
  readonly name: string;
  readonly about: string;
  readonly value: Value | null;
}

export interface Program {
  readonly name: string;
  /** The words that print the script: `tgunicorn --completion`. */
  readonly source: string;
  readonly flags: readonly Flag[];
  /** Empty where the program has an argument instead. */
  readonly commands: readonly Command[];
  readonly argument: Value | null;
}

export const wordsOf = ({ offers }: Value): readonly string[] =>
  offers === "workers" ? [] : (offers.words ?? []);

export const fromOf = ({ offers }: Value): Offers["from"] | "workers" =>
  offers === "workers" ? offers : offers.from;

/** The flags that name the server, each with its value: what is to be passed on to ask it for its workers. */
export const SERVER_FLAGS = ["-p", "--pid", "-s", "--socket"] as const;
