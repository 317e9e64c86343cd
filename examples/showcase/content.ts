// What the applications of this folder have to say: each does so in its framework's own way.

import { fileURLToPath } from "node:url";

/** A small file to ask for parts of. */
export const FILE: string = fileURLToPath(new URL("alphabet.txt", import.meta.url));

const PIECE = Buffer.alloc(64 * 1024, "piece ");

/** `count` pieces of 64 KiB, made as they are asked for. */
export async function* pieces(count: number): AsyncGenerator<Buffer, void> {
  let made = 0;
  try {
    while (made < count) {
      made++;
      yield PIECE;
    }
  } finally {
    console.error(`pieces made: ${made}`);
  }
}

/** Events for an EventSource, until nobody listens any more. */
export async function* events(): AsyncGenerator<string, void> {
  try {
    for (let id = 1; ; id++) {
      yield `id: ${id}\ndata: event ${id}\n\n`;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } finally {
    console.error("no more events");
  }
}

/** The bytes that a `Range: bytes=first-last` asks for, and what to answer; undefined where it asks for none. */
export function rangeOf(
  header: string | undefined,
  size: number,
): { start: number; end: number; contentRange: string } | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? "");
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = Math.min(match[2] === "" ? size - 1 : Number(match[2]), size - 1);
  return start > end ? undefined : { start, end, contentRange: `bytes ${start}-${end}/${size}` };
}
