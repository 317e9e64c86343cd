// One line at the end of a terminal that tells what is going on, out of the way of whatever else is written there.
// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html

import fs from "node:fs";
import { isatty } from "node:tty";
import type { Config } from "../config/config.ts";

/** To the line's begin, and wipe it: all that a line is to be cleared by, by any process. */
export const CLEAR_LINE = "\r\x1b[K";

/** What to put before a line of a log, where another process draws on the terminal. `standard` is what `-` stands for. */
export const lineBefore = (shared: boolean, target: string, standard: 1 | 2): string =>
  shared && target === "-" && isatty(standard) ? CLEAR_LINE : "";

export interface StatusLine {
  /** Draws the line in the place of the last; null removes it. */
  show(text: string | null): void;
  /** Calls `write`, which writes whole lines, where the line is. */
  aside(write: () => void): void;
}

/** Whether there is a terminal to draw on, which the error log goes to as well. */
export const drawsLine = (
  { daemon, errorlog }: Pick<Config, "daemon" | "errorlog">,
  { TERM }: Readonly<Record<string, string | undefined>> = process.env,
): boolean =>
  !daemon && errorlog === "-" && TERM !== undefined && TERM !== "" && TERM !== "dumb" && isatty(2);

/** `columns` is the terminal's width: a line that wraps could not be cleared. */
export function createStatusLine(write: (text: string) => void, columns: () => number): StatusLine {
  let shown: string | null = null;
  const draw = (): void => {
    if (shown !== null) write(`${CLEAR_LINE}${shown.slice(0, Math.max(0, columns() - 1))}`);
  };
  return {
    show(text) {
      if (text === shown) return draw();
      const wipe = text === null && shown !== null;
      shown = text;
      if (wipe) write(CLEAR_LINE);
      else draw();
    },
    aside(other) {
      if (shown !== null) write(CLEAR_LINE);
      other();
      draw();
    },
  };
}

export const onStderr = (): StatusLine =>
  createStatusLine(
    (text) => {
      try {
        fs.writeSync(2, text);
      } catch {
        // The terminal takes nothing, or is gone.
      }
    },
    () => process.stderr.columns || 80,
  );

type Done = (error?: Error | null) => void;

/** From now on what JavaScript prints on the stream clears the line first, wherever it begins a line of its own. */
export function clearsLine(stream: NodeJS.WriteStream): void {
  if (!stream.isTTY) return;
  const write = stream.write.bind(stream);
  let fresh = true;
  stream.write = (chunk: Uint8Array | string, encoding?: BufferEncoding | Done, done?: Done): boolean => {
    // In one piece: the line may be drawn at any moment.
    const whole = fresh ? cleared(chunk, typeof encoding === "string" ? encoding : "utf8") : chunk;
    const last = chunk.at(-1);
    fresh = last === "\n" || last === 10;
    return typeof encoding === "string" ? write(whole, encoding, done) : write(whole, encoding ?? done);
  };
}

/** Text in hexadecimal and the like can't be put together with other text. */
const cleared = (chunk: Uint8Array | string, encoding: BufferEncoding): Uint8Array | string =>
  typeof chunk === "string" && /^utf-?8$/i.test(encoding)
    ? CLEAR_LINE + chunk
    : Buffer.concat([
        Buffer.from(CLEAR_LINE),
        typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk,
      ]);
