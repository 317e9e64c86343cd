// Answers what never reaches the application.

import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { spokenIn } from "../spoken.ts";
import type { Http1Connection } from "./connection.ts";
import { lingeringClose } from "./linger.ts";
import type { Refusal } from "./rules.ts";

const bodyOf = ({ status, hint = STATUS_CODES[status] ?? "Error" }: Refusal): string => `${status} ${hint}\n`;

/** Answers a request in its turn, and closes the connection after it. */
export function refuseRequest(res: ServerResponse, refusal: Refusal): void {
  const body = bodyOf(refusal);
  res.shouldKeepAlive = false;
  res.writeHead(refusal.status, [
    "Content-Type",
    "text/plain; charset=utf-8",
    "Content-Length",
    String(body.length),
    "Connection",
    "close",
  ]);
  res.end(body);
}

/** Answers on the bare connection, where there is no request to answer. */
export function refuseConnection(socket: Socket, refusal: Refusal): void {
  const body = bodyOf(refusal);
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? "Error"}`,
    ...(refusal.status === 405 ? ["Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"] : []),
    "Connection: close",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${body.length}`,
    `Date: ${new Date().toUTCString()}`,
  ];
  lingeringClose(socket, `${head.join("\r\n")}\r\n\r\n${body}`);
}

export interface ParseError extends NodeJS.ErrnoException {
  /** What was being parsed, as it came in. */
  readonly rawPacket?: unknown;
  readonly bytesParsed?: unknown;
}

/**
 * Whether a head that outgrew the parser's own limit was still in its first line. All there is to see is the last piece
 * of it, of 64 KiB or so: a target has no line's end, no space and nothing but ASCII. A single field of some
 * 800 KB without a space looks the same.
 */
function inTarget({ rawPacket, bytesParsed }: ParseError): boolean {
  if (!(rawPacket instanceof Uint8Array)) return false;
  const piece = rawPacket.subarray(0, typeof bytesParsed === "number" ? bytesParsed : undefined);
  return piece.every((byte) => byte > 0x20 && byte < 0x7f);
}

const HTTP2: Refusal = {
  status: 400,
  reason: "HTTP/2 was sent, which takes httpProtocols with h2 and a peer that forwardedAllowIps names",
};

/** What the parser's input began with. */
function packetOf(error: ParseError): string {
  const packet = error.rawPacket;
  return Buffer.isBuffer(packet) ? packet.toString("latin1", 0, 16) : "";
}

export const LATE: Refusal = { status: 408, reason: "The request's head did not arrive in time" };

/** What node's parser or clock objects to; undefined where the connection itself failed and nobody listens any more. */
export function refusalOf(error: ParseError): Refusal | undefined {
  switch (error.code) {
    case "ECONNRESET":
    case "EPIPE":
    case "ETIMEDOUT":
      return undefined;
    case "HPE_HEADER_OVERFLOW":
      return inTarget(error)
        ? { status: 414, reason: "Request line is too large" }
        : { status: 431, reason: "Request header fields are too large" };
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return { status: 413, reason: "Chunk extensions are too large" };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return LATE;
    default:
      if (packetOf(error).startsWith("PRI * HTTP/2.0")) return HTTP2;
      if (packetOf(error).startsWith("\x16\x03"))
        return { status: 400, reason: "TLS was sent to a plain HTTP port" };
      // TLS that breaks: there is nothing left to answer on.
      if (error.code?.startsWith("ERR_SSL_") || error.code?.startsWith("ERR_TLS_")) return undefined;
      return { status: 400, reason: otherProtocol(error) ?? error.message };
  }
}

/** Whether an answer on the bare connection would be taken for the right one: none is begun, none waits before it. */
export function mayAnswer(connection: Http1Connection): boolean {
  const { latest } = connection;
  if (latest === undefined) return true;
  return latest.previous?.over !== false && !latest.req.complete && !latest.answered;
}

/** Who speaks something else to an HTTP address is told so by the log. */
function otherProtocol(error: Error): string | undefined {
  const bytes = "rawPacket" in error ? error.rawPacket : undefined;
  const spoken = Buffer.isBuffer(bytes) ? spokenIn(bytes) : undefined;
  return spoken === undefined || spoken === "HTTP" ? undefined : `${spoken} on an HTTP address`;
}
