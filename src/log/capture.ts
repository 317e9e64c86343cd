// Sends what JavaScript writes to stdout and stderr to the error log's destination.

import { StringDecoder } from "node:string_decoder";
import type { Destination } from "./destination.ts";

/** An unfinished line longer than this goes out as it is. */
const LONGEST_FRAGMENT = 64 * 1024;

/** What a line is to look like in the log. */
export type Shape = (line: string, stream: "stdout" | "stderr") => string;

type Done = (error?: Error | null) => void;

/**
 * From now on process.stdout and process.stderr write to `destination`: raw, in whole lines, and into the new file after
 * a reopen. Does nothing where the destination is stdout or stderr itself. Output that does not pass through these two
 * streams (native code, child processes, fs.writeSync(1)) stays where it was. With a `shape` each line goes through it. Returns
 * what undoes it.
 */
export function captureOutput(destination: Destination, shape?: Shape): () => void {
  if (destination.standard) return () => {};
  const into =
    (stream: "stdout" | "stderr") =>
    (text: string): void => {
      if (shape === undefined) destination.write(text);
      else for (const line of text.split("\n")) destination.write(shape(line, stream));
    };
  const undo = [capture(process.stdout, into("stdout")), capture(process.stderr, into("stderr"))];
  return () => {
    for (const each of undo) each();
  };
}

function capture(stream: NodeJS.WriteStream, write: (text: string) => void): () => void {
  const decoder = new StringDecoder("utf8");
  let fragment = "";
  let leaving = false;

  function take(text: string): void {
    const whole = fragment + text;
    const end = whole.lastIndexOf("\n");
    if (end !== -1) write(whole.slice(0, end));
    fragment = whole.slice(end + 1);
    if (leaving || fragment.length > LONGEST_FRAGMENT) finish();
  }

  function finish(): void {
    if (fragment !== "") write(fragment);
    fragment = "";
  }

  const original = stream.write;
  stream.write = (chunk: Uint8Array | string, encoding?: BufferEncoding | Done, callback?: Done): boolean => {
    const done = typeof encoding === "function" ? encoding : callback;
    const bytes = typeof chunk === "string" && typeof encoding === "string" && !/^utf-?8$/i.test(encoding);
    if (typeof chunk === "string") take(bytes ? decoder.write(Buffer.from(chunk, encoding)) : chunk);
    else take(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)));
    if (done !== undefined) process.nextTick(done);
    return true;
  };

  const leave = (): void => {
    leaving = true;
    finish();
  };
  // Before the destination's own exit listener, which writes what it has.
  process.prependListener("exit", leave);
  return () => {
    process.off("exit", leave);
    stream.write = original;
    finish();
  };
}
