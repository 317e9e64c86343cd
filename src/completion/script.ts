// The script that makes a shell complete a command line.

import { bash } from "./bash.ts";
import { fish } from "./fish.ts";
import type { Program } from "./program.ts";
import type { Shell } from "./shell.ts";
import { zsh } from "./zsh.ts";

const SCRIPTS: Readonly<Record<Shell, (program: Program) => string>> = { bash, zsh, fish };

export const script = (shell: Shell, program: Program): string => SCRIPTS[shell](program);
