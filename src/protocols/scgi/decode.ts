// An SCGI request's head: a netstring of names and values, each ended by NUL. https://python.ca/scgi/protocol.txt

import { WireError } from "../cgi/refusal.ts";
import { spokenIn } from "../spoken.ts";

const COLON = 0x3a;
const COMMA = 0x2c;

/** The head's length in bytes up to and with its comma; undefined where more are needed to tell. Throws WireError. */
export function measureScgi(most: number): (bytes: Buffer) => number | undefined {
  const digits = String(most).length;
  return (bytes) => {
    let length = 0;
    let at = 0;
    for (; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === COLON && at > 0) break;
      if (byte < 0x30 || byte > 0x39 || at >= digits) throw notScgi(bytes);
      length = length * 10 + byte - 0x30;
    }
    if (at === bytes.length) return undefined;
    if (length > most) throw new WireError(`SCGI headers of ${length} bytes are too large`, 431);
    return at + 1 + length + 1;
  };
}

function notScgi(bytes: Buffer): WireError {
  const spoken = spokenIn(bytes);
  return new WireError(spoken === undefined ? "not an SCGI request" : `${spoken} on an SCGI address`);
}

/** The variables, names and values by turns, as text of latin-1. Throws WireError where the netstring is broken. */
export function decodeScgi(head: Buffer): string[] {
  const last = head.length - 1;
  const text = head.toString("latin1", head.indexOf(COLON) + 1, last);
  if (head[last] !== COMMA || (text !== "" && !text.endsWith("\0"))) throw broken();
  const pairs = text.split("\0");
  pairs.pop();
  if (pairs.length % 2 === 1) throw broken();
  return pairs;
}

const broken = (): WireError => new WireError("broken SCGI headers");
