// Node's own pair over an exchange, for applications that want one. The response writes HTTP/1 to a socket that is
// none: its head is read back from there, so nothing of Node's insides is relied upon.

import { type IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { sealResponse } from "../http1/seal.ts";
import { whenReleased } from "../released.ts";
import { makeRequest } from "./request.ts";
import { type WireExchange, WireSocket } from "./wire.ts";

export interface Pair {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** See Exchange.whenReleased(). */
  whenReleased(pending: boolean, released: () => void): void;
  /** What the application still does to the response changes nothing. */
  seal(): void;
  /** The exchange is over. */
  close(): void;
}

/** The part of an exchange that a pair stands for. */
export interface PairedExchange extends WireExchange {
  readonly hasBody: boolean;
  readonly body: Readable;
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  readonly signal: AbortSignal;
  trailers(headers: readonly string[]): void;
  warn(what: string): void;
}

export function makePair(exchange: PairedExchange): Pair {
  const socket = new WireSocket(exchange);
  const req = makeRequest(exchange, socket);
  const res = new ServerResponse(req);
  // Node takes 2.0 for older than 1.1, and would leave out the length of a body that it knows.
  res.useChunkedEncodingByDefault = true;
  // The framing is the transport's.
  res.removeHeader("Transfer-Encoding");
  res.writeHead = writeHead;
  res.shouldKeepAlive = false;
  res.addTrailers = (headers) => exchange.trailers(flat(headers));
  res.assignSocket(socket);
  socket.on("drain", () => res.emit("drain"));
  res.on("finish", () => exchange.end());
  let told = false;
  res.on("error", () => {
    // Nobody else hears it: it would end the process.
    if (told || res.listenerCount("error") > 1) return;
    told = true;
    exchange.warn("was written to after its end: that is left out");
  });
  return {
    req,
    res,
    whenReleased: (pending, released) => whenReleased({ req, res, own: 0 }, pending, released),
    seal() {
      sealResponse(res);
      socket.deaf = true;
    },
    close() {
      // As node has it: whoever listens hears that the request is over, and also that it was broken off.
      if (!exchange.complete) req.destroy();
      else if (req.listenerCount("close") + req.listenerCount("end") > 0) req.resume();
      socket.destroy();
    },
  };
}

const plain: { writeHead(...args: readonly unknown[]): ServerResponse } = ServerResponse.prototype;
const plainWriteHead = plain.writeHead;

/**
 * Node refuses an answer that announces trailers and has no chunks; the wire takes those off again. The instance's own, and
 * the same for all of them: Express puts another prototype under every response.
 */
function writeHead<Response extends ServerResponse>(this: Response, ...args: readonly unknown[]): Response {
  const announced = this.hasHeader("Trailer") || args.some(namesTrailer);
  if (announced && !this.hasHeader("Content-Length")) this.setHeader("Transfer-Encoding", "chunked");
  plainWriteHead.apply(this, [...args]);
  return this;
}

const isTrailer = (name: unknown): boolean =>
  typeof name === "string" && name.length === 7 && name.toLowerCase() === "trailer";

/** Headers as an object, or as a list of names and values by turns or in pairs. */
function namesTrailer(headers: unknown): boolean {
  if (Array.isArray(headers)) return headers.flat().some((text, i) => i % 2 === 0 && isTrailer(text));
  return typeof headers === "object" && headers !== null && Object.keys(headers).some(isTrailer);
}

function flat(headers: Parameters<ServerResponse["addTrailers"]>[0]): string[] {
  const pairs = Array.isArray(headers) ? headers : Object.entries(headers);
  return pairs.flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).flatMap((one) => [String(name), String(one)]),
  );
}
