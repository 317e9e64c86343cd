// Flags that ask a question: it is answered, and nothing is served.

import { shells } from "../completion/shell.ts";

export interface Question {
  readonly asks: "help" | "version" | "completion";
  readonly flags: readonly string[];
  readonly about: string;
  /** What has to follow; undefined where nothing may. */
  readonly words?: readonly string[];
}

export const questions: readonly Question[] = [
  { asks: "help", flags: ["--help", "-h"], about: "Show this help." },
  { asks: "version", flags: ["--version", "-v"], about: "Show the version." },
  {
    asks: "completion",
    flags: ["--completion"],
    about: `Print a script that completes this command in a shell: ${shells.join(", ")}.`,
    words: shells,
  },
];
