// What a client must have asked for so that a WebSocket can be opened. RFC 6455, section 4.2.1.

import type { Exchange } from "../../protocols/exchange.ts";
import { isToken } from "../fields.ts";

export interface Offer {
  readonly subprotocols: readonly string[];
}

export interface Fault {
  readonly status: 400 | 426;
  readonly reason: string;
}

const KEY = /^[+/\dA-Za-z]{22}==$/;

export function readOffer(exchange: Exchange): Offer | Fault {
  if (exchange.method !== "GET") return { status: 400, reason: "A WebSocket is asked for by GET" };
  if (!KEY.test(exchange.header("sec-websocket-key") ?? ""))
    return { status: 400, reason: "Sec-WebSocket-Key is missing or malformed" };
  if (exchange.header("sec-websocket-version") !== "13")
    return { status: 426, reason: "This version of WebSocket is not spoken here" };
  const offered = exchange.header("sec-websocket-protocol");
  const subprotocols = offered === undefined ? [] : offered.split(",").map((name) => name.trim());
  if (!subprotocols.every(isToken) || new Set(subprotocols).size !== subprotocols.length)
    return { status: 400, reason: "Sec-WebSocket-Protocol is malformed" };
  return { subprotocols };
}

export function refuse(exchange: Exchange, { status, reason }: Fault): void {
  const body = `${reason}\n`;
  const headers = ["Content-Type", "text/plain; charset=utf-8", "Content-Length", String(body.length)];
  if (status === 426) headers.push("Sec-WebSocket-Version", "13");
  exchange.head(status, undefined, headers);
  exchange.end(body);
}
