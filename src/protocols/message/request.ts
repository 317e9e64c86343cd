// The IncomingMessage of an exchange that did not come by HTTP/1.

import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { setRawHeaders } from "../../os/http.ts";
import { SignallingRequest } from "../signal.ts";
import type { PairedExchange } from "./pair.ts";
import type { WireSocket } from "./wire.ts";

const bodyOf: unique symbol = Symbol("body");

declare module "node:http" {
  interface IncomingMessage {
    /** Undefined once it is being read. */
    [bodyOf]?: Readable | undefined;
  }
}

export function makeRequest(exchange: PairedExchange, socket: WireSocket): IncomingMessage {
  const req = new SignallingRequest(socket);
  req.method = exchange.method;
  req.url = exchange.target;
  req.httpVersion = exchange.httpVersion;
  const [major, minor] = exchange.httpVersion.split(".");
  req.httpVersionMajor = Number(major);
  req.httpVersionMinor = Number(minor ?? 0);
  setRawHeaders(req, [...exchange.rawHeaders]);
  if (exchange.hasBody) req[bodyOf] = exchange.body;
  else req.complete = true;
  // The instance's own, not the prototype's: Express puts another prototype under every request.
  req._read = read;
  return req;
}

function read(this: IncomingMessage): void {
  const body = this[bodyOf];
  if (body === undefined) return void this.push(null);
  if (body.listenerCount("data") === 0) forward(body, this);
  else body.resume();
}

function forward(body: Readable, req: IncomingMessage): void {
  body.on("data", (chunk: Buffer) => {
    if (!req.push(chunk)) body.pause();
  });
  body.on("end", () => {
    req.complete = true;
    req[bodyOf] = undefined;
    req.push(null);
  });
  body.on("error", () => undefined);
  body.on("close", () => {
    // As node does where the client breaks off.
    if (!req.complete) req.destroy();
  });
}
