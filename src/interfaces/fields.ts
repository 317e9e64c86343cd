// The header fields that an application gives, checked before they are sent.

import { inspect } from "node:util";
import { isHopByHop, parseLength } from "./answer.ts";

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** Visible characters, spaces and tabs of latin-1: what a field's value can carry. RFC 9110, section 5.5. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

export interface Fields {
  /** Names and values by turns. */
  readonly list: string[];
  /** What Content-Length declares. */
  readonly length: number | undefined;
  /** What Trailer announces, which is not in the list: it is only right where trailers can follow. */
  readonly trailer: string | undefined;
}

/**
 * Those of `[name, value]` pairs, without those that belong to the connection, as Gunicorn leaves them out. Throws, naming
 * `where` they were given, for what can't be sent. Where `bytes` are allowed, they are taken as latin-1.
 */
export function checkFields(headers: unknown, status: number, where: string, bytes = false): Fields {
  if (!Array.isArray(headers)) {
    throw new TypeError(
      `${where}: the headers are ${inspect(headers, { depth: 0 })}, not an array of [name, value]`,
    );
  }
  const list: string[] = [];
  let length: number | undefined;
  let trailer: string | undefined;
  for (const header of headers) {
    const [name, value] = checkField(header, where, bytes);
    const lower = name.toLowerCase();
    if (lower === "trailer") trailer = trailer === undefined ? value : `${trailer}, ${value}`;
    if (isHopByHop(lower) || (lower === "content-length" && status === 204)) continue;
    if (lower === "content-length") {
      if (length !== undefined) throw new Error(`${where}: Content-Length is given twice`);
      length = parseLength(value);
    }
    list.push(name, value);
  }
  return { list, length, trailer };
}

function checkField(header: unknown, where: string, bytes: boolean): [name: string, value: string] {
  if (!Array.isArray(header) || header.length !== 2) {
    throw new TypeError(`${where}: ${inspect(header)} is no [name, value]`);
  }
  const [name, value]: unknown[] = bytes ? header.map(asText) : header;
  if (!isToken(name)) throw new Error(`${where}: ${inspect(name)} is no name of a header`);
  if (typeof value !== "string" || !VALUE.test(value)) {
    throw new Error(
      `${where}: ${inspect(value)} is no value for the header ${name}: text of latin-1 without control characters is needed`,
    );
  }
  return [name, value.trim()];
}

/** What names a field, a method or a WebSocket's subprotocol: RFC 9110, section 5.6.2. */
export const isToken = (value: unknown): value is string => typeof value === "string" && TOKEN.test(value);

/** Bytes as the text that carries them. */
export const asText = (value: unknown): unknown =>
  value instanceof Uint8Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1")
    : value;
