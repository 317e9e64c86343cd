// What the system tells of a thread in native code.

import { existsSync } from "node:fs";

/** Linux on the processors whose system calls have a table. A container may hide what a process does. */
export const DOES_TELL =
  existsSync(`/proc/self/task/${process.pid}/syscall`) && ["x64", "arm64"].includes(process.arch);
