// An answer's last piece and its end in one write to the connection.
//
// Before Node 24 end(piece) writes the piece, and then an empty string for the sake of the callback that comes with it: two
// parts of one writev(), where one write() costs a tenth less of all that a short answer takes.

import { ServerResponse } from "node:http";

/** Where node does so itself, this would be in its way. */
export const WRITES_TWICE: boolean = Number.parseInt(process.versions.node, 10) < 24;

type WriteRaw = (data: unknown, encoding?: unknown, callback?: unknown, size?: unknown) => boolean;

declare module "node:http" {
  interface ServerResponse {
    /** Gives a part of the message to the connection, or keeps it until its turn comes: node's own, in all versions. */
    _writeRaw: WriteRaw;
    /** False once the head says that none follows: node's own. */
    readonly _hasBody: boolean;
  }
}

type End = (chunk?: unknown, encoding?: unknown, callback?: unknown) => unknown;

const plainWriteRaw = ServerResponse.prototype._writeRaw;

/** Whose end() runs; and whose piece is kept back, which comes out before that returns: no answer costs an object for it. */
let ending: ServerResponse | undefined;
let keptFor: ServerResponse | undefined;
let kept: unknown;
let keptEncoding: unknown;
let keptCallback: unknown;

const release = (res: ServerResponse, callback: unknown): boolean => {
  const data = kept;
  keptFor = undefined;
  kept = undefined;
  keptCallback = undefined;
  return plainWriteRaw.call(res, data, keptEncoding, callback);
};

/** To be the `_writeRaw` of a response that is ended by endAtOnce(). */
export function writeRaw(
  this: ServerResponse,
  data: unknown,
  encoding?: unknown,
  callback?: unknown,
  size?: unknown,
): boolean {
  if (keptFor === this) {
    // The end: its callback is all there is to it, and the piece's own does nothing.
    if (data === "") return release(this, callback);
    release(this, keptCallback);
  } else if (ending === this && keptFor === undefined && !this.chunkedEncoding && this._hasBody) {
    keptFor = this;
    kept = data;
    keptEncoding = encoding;
    keptCallback = callback;
    return true;
  }
  return plainWriteRaw.call(this, data, encoding, callback, size);
}

/** Calls node's `end` for a response with a piece that is its last. */
export function endAtOnce(
  end: End,
  res: ServerResponse,
  chunk: unknown,
  encoding: unknown,
  callback: unknown,
): void {
  const outer = ending;
  ending = res;
  try {
    end.call(res, chunk, encoding, callback);
  } finally {
    ending = outer;
    // It threw in between, or this was all there was.
    if (keptFor === res) release(res, keptCallback);
  }
}
