// A live view in a terminal. Each picture is one write that overwrites the last one line by line: nothing flickers.
// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html

import type { ReadStream, WriteStream } from "node:tty";
import { type Ask, Failure } from "./client.ts";
import { picture, type Sample, sortKeys } from "./screen.ts";

const EVERY = 1_000;
const ENTER = "\x1b[?1049h\x1b[?25l"; // the other screen, no cursor
const LEAVE = "\x1b[?25h\x1b[?1049l";
const [BEGIN, END] = ["\x1b[?2026h", "\x1b[?2026l"]; // drawn as one where the terminal knows how
const HOME = "\x1b[H";
const REST_OF_LINE = "\x1b[K";
const REST_OF_SCREEN = "\x1b[J";
const [REVERSE, PLAIN] = ["\x1b[7m", "\x1b[m"];

/** The last two are Ctrl-C and Ctrl-D, which are keys like others in this mode. */
const QUIT = ["q", "\x03", "\x04"];

/** Resolves when the user has had enough. */
export function top(ask: Ask, input: ReadStream, output: WriteStream): Promise<void> {
  if (!output.isTTY || !input.isTTY) {
    throw new Failure("top needs a terminal; use status and workers, with --json for programs");
  }
  let sort = "w";
  let now: Sample | null = null;
  let before: Sample | null = null;
  let trouble: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  let over = false;

  const draw = (): void => {
    const [columns, rows] = [output.columns || 80, output.rows || 24];
    const { lines, head } = picture(now, before, { sort, columns, rows, trouble });
    const drawn = lines.map((line, at) =>
      at === head ? `${REVERSE}${line.padEnd(columns)}${PLAIN}` : `${line}${REST_OF_LINE}`,
    );
    output.write(`${BEGIN}${HOME}${drawn.join("\r\n")}${REST_OF_SCREEN}${END}`);
  };

  const look = async (): Promise<void> => {
    try {
      const [status, workers, history] = await Promise.all([
        ask("GET", "/status"),
        ask("GET", "/workers"),
        ask("GET", "/history"),
      ]);
      before = now;
      now = { at: performance.now(), status: status.body, workers: workers.body, history: history.body };
      trouble = null;
    } catch (error) {
      // It may come back: a restart is nothing to leave for.
      trouble = error instanceof Error ? error.message : String(error);
    }
    if (over) return;
    draw();
    timer = setTimeout(() => void look(), EVERY);
  };

  return new Promise((resolve) => {
    const restore = (): void => void output.write(LEAVE);
    const end = (): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      process.off("exit", restore);
      output.off("resize", draw);
      input.setRawMode(false).pause();
      output.write(LEAVE, () => resolve());
    };
    process.on("exit", restore);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, end);
    output.on("resize", draw);
    input.setRawMode(true).setEncoding("utf8");
    input.on("data", (keys: string) => {
      if (QUIT.some((key) => keys.includes(key))) return end();
      const key = keys.at(-1) ?? "";
      if (!Object.hasOwn(sortKeys, key)) return;
      sort = key;
      draw();
    });
    input.on("end", end);
    output.write(ENTER);
    void look();
  });
}
