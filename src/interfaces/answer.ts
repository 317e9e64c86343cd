// What all interfaces that write answers themselves have in common.

import type { Exchange } from "../protocols/exchange.ts";

/** The length of a request's body in bytes; undefined where only its end will tell. */
export function requestLength(exchange: Exchange): number | undefined {
  if (exchange.header("transfer-encoding") !== undefined) return undefined;
  const length = exchange.header("content-length");
  if (length !== undefined) return Number(length);
  // From HTTP/2 on, a body needs neither of the two fields.
  return exchange.httpVersion.startsWith("1") ? 0 : undefined;
}

/** Fields that concern one connection only; the server makes its own. RFC 9110, section 7.6.1. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "trailers",
  "transfer-encoding",
  "upgrade",
]);

/** True for a header, in lower case, that an application may not send. */
export const isHopByHop = (name: string): boolean => HOP_BY_HOP.has(name);

/** True where the answer has no body whatever the application gives: RFC 9110, section 6.4.1. */
export function isBodiless(method: string, status: number): boolean {
  return method === "HEAD" || status === 204 || status === 304;
}

/** The declared length of a body. Throws where it is no number. */
export function parseLength(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new Error(`Content-Length is not a number: ${JSON.stringify(value)}`);
  return Number(value);
}

export const byteLength = (chunk: string | Uint8Array): number =>
  typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.byteLength;

/** The first `length` bytes of a piece. */
export function firstBytes(chunk: string | Uint8Array, length: number): Uint8Array {
  return (typeof chunk === "string" ? Buffer.from(chunk) : chunk).subarray(0, length);
}
