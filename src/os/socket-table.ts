// The kernel's tables of sockets. https://man7.org/linux/man-pages/man5/proc_pid_net.5.html

import { closeSync, openSync, readSync } from "node:fs";

/**
 * The lines of a table without its heading, read when they are asked for, about `most` bytes at a time: the kernel looks for what
 * a read has room for. A table that is not there has none.
 */
export function* linesOf(file: string, most: number): Generator<string> {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch {
    return;
  }
  try {
    const bytes = Buffer.alloc(most);
    let rest = "";
    let heading = true;
    for (let read = readSync(fd, bytes); read > 0; read = readSync(fd, bytes)) {
      const complete = (rest + bytes.toString("latin1", 0, read)).split("\n");
      rest = complete.pop() ?? "";
      for (const line of complete) {
        if (!heading) yield line;
        heading = false;
      }
    }
  } catch {
    // What has been read is known.
  } finally {
    closeSync(fd);
  }
}
