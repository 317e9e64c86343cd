// Lines waiting to be written, and how they go out: whole, in order, in pieces that no other writer can split.

import fs from "node:fs";
import { errorCode, errorReason } from "./descriptor.ts";

/** What became of an attempt: all is written, the target is full for now, or it failed. */
export type Outcome =
  | { readonly type: "empty" }
  | { readonly type: "full" }
  /** `passing`: the failure may end (a full disk), so the lines are worth keeping. */
  | { readonly type: "failing"; readonly passing: boolean; readonly reason: string };

export interface Outbox {
  /** Characters waiting. */
  readonly size: number;
  add(line: string): void;
  /** Writes as much as the target takes. */
  send(to: { readonly fd: number; readonly regular: boolean }): Outcome;
  /** Forgets everything; returns how many lines that were. */
  clear(): number;
}

/**
 * Up to this many bytes, a write to a pipe is never mixed with another process's, nor taken in part.
 * https://man7.org/linux/man-pages/man7/pipe.7.html ("PIPE_BUF")
 */
const PIPE_BUF = 4096;
const LINE_FEED = 10;

const PASSING = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

const scratch = Buffer.allocUnsafeSlow(PIPE_BUF);

export function createOutbox(): Outbox {
  let lines: string[] = [];
  let waiting = 0;
  /** What the target left of a piece that it took in part; it goes first. */
  let rest: Buffer | undefined;

  /** Writes a piece from byte `at`; what a failure leaves of it becomes `rest`, unless nothing of it went out. */
  function put(fd: number, piece: Buffer, at = 0): unknown {
    while (at < piece.length) {
      try {
        at += fs.writeSync(fd, piece, at);
      } catch (error) {
        if (errorCode(error) === "EINTR") continue;
        if (at > 0) rest = Buffer.from(piece.subarray(at));
        return error;
      }
    }
    return undefined;
  }

  /** A file takes any length whole. The string goes as it is: nearly always all of it is taken, and no copy is needed. */
  function putText(fd: number, text: string): unknown {
    try {
      const at = fs.writeSync(fd, text);
      return at === Buffer.byteLength(text) ? undefined : put(fd, Buffer.from(text), at);
    } catch (error) {
      return error;
    }
  }

  /** Whole lines from index `from` on that fit a pipe's unsplit write, or one line too long for that. */
  function pack(from: number): { piece: Buffer; next: number } {
    let length = 0;
    let next = from;
    for (; next < lines.length; next++) {
      const line = lines[next] ?? "";
      const room = PIPE_BUF - length - 1;
      if (line.length * 3 > room && Buffer.byteLength(line) > room) break;
      length += scratch.write(line, length);
      scratch[length++] = LINE_FEED;
    }
    if (next > from) return { piece: scratch.subarray(0, length), next };
    return { piece: Buffer.from(`${lines[from]}\n`), next: from + 1 };
  }

  function forget(sent: number): void {
    if (sent === lines.length) {
      lines = [];
      waiting = 0;
      return;
    }
    for (let i = 0; i < sent; i++) waiting -= (lines[i]?.length ?? 0) + 1;
    lines = lines.slice(sent);
  }

  /** The error that stopped it, or undefined once nothing is left. */
  function sendAll(fd: number, regular: boolean): unknown {
    if (rest !== undefined) {
      const piece = rest;
      const error = put(fd, piece);
      if (error !== undefined) return error;
      rest = undefined;
    }
    let sent = 0;
    while (sent < lines.length) {
      const { piece, next } = regular ? { piece: undefined, next: lines.length } : pack(sent);
      const failure = piece === undefined ? putText(fd, `${lines.join("\n")}\n`) : put(fd, piece);
      if (failure !== undefined) {
        forget(rest === undefined ? sent : next);
        return failure;
      }
      sent = next;
    }
    forget(sent);
    return undefined;
  }

  return {
    get size() {
      return waiting + (rest?.length ?? 0);
    },
    add(line) {
      lines.push(line);
      waiting += line.length + 1;
    },
    send({ fd, regular }) {
      const error = sendAll(fd, regular);
      if (error === undefined) return { type: "empty" };
      const code = errorCode(error);
      if (code === "EAGAIN") return { type: "full" };
      return {
        type: "failing",
        passing: code !== undefined && PASSING.has(code),
        reason: errorReason(error),
      };
    },
    clear() {
      let count = lines.length;
      for (const byte of rest ?? []) if (byte === LINE_FEED) count++;
      forget(lines.length);
      rest = undefined;
      return count;
    },
  };
}
