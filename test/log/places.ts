// Real files and pipes to log to.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { StringDecoder } from "node:string_decoder";
import type { TestContext } from "node:test";

/** A directory that lives as long as the test. */
export function temporaryDirectory(t: TestContext): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tgunicorn-log-"));
  t.after(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface Pipe {
  readonly path: string;
  /** What the pipe holds now. */
  read(): string;
  closeReader(): void;
}

/** A named pipe whose reader reads only when it is told to. */
export function openPipe(t: TestContext): Pipe {
  const file = path.join(temporaryDirectory(t), "pipe");
  execFileSync("mkfifo", [file]);
  let fd: number | undefined = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  const closeReader = (): void => {
    if (fd !== undefined) fs.closeSync(fd);
    fd = undefined;
  };
  t.after(closeReader);

  const buffer = Buffer.alloc(1024 * 1024);
  const decoder = new StringDecoder("utf8");
  return {
    path: file,
    closeReader,
    read() {
      let text = "";
      for (;;) {
        const count = readSome(fd, buffer);
        if (count === 0) return text;
        text += decoder.write(buffer.subarray(0, count));
      }
    },
  };
}

function readSome(fd: number | undefined, buffer: Buffer): number {
  if (fd === undefined) return 0;
  try {
    return fs.readSync(fd, buffer);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return 0;
    throw error;
  }
}

export function linesOf(file: string): string[] {
  const text = fs.readFileSync(file, "utf8");
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

/** The compiled program `children/<name>.js`. */
export function child(name: string): string {
  return path.join(import.meta.dirname, "children", `${name}.js`);
}
