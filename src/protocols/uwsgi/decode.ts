// A uwsgi request's head: four bytes, and a block of variables.
// https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html

import { WireError } from "../cgi/refusal.ts";
import { spokenIn } from "../spoken.ts";

const HEADER = 4;
/** A request, the only kind that is served. 30 is one whose SCRIPT_NAME is to be taken off its PATH_INFO, which is done anyway. */
const REQUEST = [0, 5, 7, 30];

/** The head's length in bytes; undefined where more are needed to tell. Throws WireError for what is no request. */
export function measureUwsgi(bytes: Buffer): number | undefined {
  if (bytes.length < HEADER) return undefined;
  const modifier = bytes.readUInt8(0);
  if (!REQUEST.includes(modifier)) {
    const spoken = spokenIn(bytes);
    throw new WireError(
      spoken === undefined || spoken === "uwsgi"
        ? `not a uwsgi request (modifier1 ${modifier})`
        : `${spoken} on a uwsgi address`,
    );
  }
  return HEADER + bytes.readUInt16LE(1);
}

/** The variables, names and values by turns, as text of latin-1. Throws WireError where the block is broken. */
export function decodeUwsgi(head: Buffer): string[] {
  const text = head.toString("latin1");
  const pairs: string[] = [];
  const end = head.length;
  let at = HEADER;
  while (at < end) {
    if (at + 2 > end) throw broken();
    const length = head.readUInt16LE(at);
    const next = at + 2 + length;
    if (next > end) throw broken();
    pairs.push(text.slice(at + 2, next));
    at = next;
  }
  if (pairs.length % 2 === 1) throw broken();
  return pairs;
}

const broken = (): WireError => new WireError("a broken block of uwsgi variables");
