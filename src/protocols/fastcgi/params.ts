// FastCGI's names and values: section 3.4 of the specification.

import { WireError } from "../cgi/refusal.ts";

const LONG = 0x80;
const LONG_MASK = 0x7fff_ffff;

/** Names and values by turns, as text of latin-1. Throws WireError where the block is broken. */
export function decodeParams(block: Buffer): string[] {
  const text = block.toString("latin1");
  const pairs: string[] = [];
  const end = block.length;
  let at = 0;
  const length = (): number => {
    const first = block[at];
    if (first === undefined) throw broken();
    if (first < LONG) {
      at += 1;
      return first;
    }
    if (at + 4 > end) throw broken();
    at += 4;
    return block.readUInt32BE(at - 4) & LONG_MASK;
  };
  while (at < end) {
    const name = length();
    const value = length();
    if (at + name + value > end) throw broken();
    pairs.push(text.slice(at, at + name), text.slice(at + name, at + name + value));
    at += name + value;
  }
  return pairs;
}

const broken = (): WireError => new WireError("a broken block of FastCGI parameters");

/** The other way round, for the answer to GET_VALUES. */
export function encodeParams(pairs: readonly string[]): Buffer {
  const pieces: Buffer[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const name = Buffer.from(pairs[i] ?? "", "latin1");
    const value = Buffer.from(pairs[i + 1] ?? "", "latin1");
    pieces.push(lengthOf(name), lengthOf(value), name, value);
  }
  return Buffer.concat(pieces);
}

function lengthOf({ length }: Buffer): Buffer {
  if (length < LONG) return Buffer.from([length]);
  const long = Buffer.alloc(4);
  // Unsigned, since the highest bit is set.
  long.writeUInt32BE((length | (LONG << 24)) >>> 0);
  return long;
}
