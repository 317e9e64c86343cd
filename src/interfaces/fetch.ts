// Applications that speak the Fetch standard: fetch(request) gives a Response. Hono, h3, Elysia, plain functions.

import { inspect } from "node:util";
import type { Connection, Endpoint, Exchange, Handler } from "../protocols/exchange.ts";
import { isBodiless, isHopByHop } from "./answer.ts";
import { type Refusal, toRequest } from "./fetch/request.ts";
import { sendBody } from "./fetch/stream.ts";

/** What an application gets beside the request; in Hono it is `c.env`. */
export interface FetchEnv {
  /** Who is at the other end, as the connection knows it. */
  readonly connection: Connection;
  /** Who asks: the other end, or whom a trusted proxy there says that it speaks for. */
  readonly client: Endpoint;
  /** Node's request, as adapters for Node offer it. */
  readonly incoming: unknown;
}

/** An application of the Fetch standard. */
export interface FetchApplication {
  fetch(request: Request, env: FetchEnv): Response | Promise<Response>;
}

class ExchangeEnv implements FetchEnv {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get connection(): Connection {
    return this.#exchange.connection;
  }

  get client(): Endpoint {
    return this.#exchange.client;
  }

  get incoming(): unknown {
    return this.#exchange.node().req;
  }
}

export function fetchHandler(app: { fetch: (request: Request, env: FetchEnv) => unknown }): Handler {
  return (exchange) => {
    const request = toRequest(exchange);
    if (!(request instanceof Request)) return refuse(exchange, request);
    return answer(exchange, app.fetch(request, new ExchangeEnv(exchange)));
  };
}

async function answer(exchange: Exchange, answering: unknown): Promise<void> {
  const response = await answering;
  if (!isResponse(response)) {
    throw new TypeError(`fetch() gave ${inspect(response, { depth: 0 })}: a Response is needed`);
  }
  const { status, body } = response;
  if (status < 200) throw new TypeError(`fetch() gave a Response with status ${status}: it can't be sent`);
  const headers = fields(response);
  const reason = response.statusText === "" ? undefined : response.statusText;
  if (body === null || isBodiless(exchange.method, status)) {
    if (!isBodiless(exchange.method, status)) setEmpty(headers, response.headers.get("content-length"));
    exchange.head(status, reason, headers);
    exchange.end();
    await body?.cancel();
    return;
  }
  await sendBody(exchange, body, {
    status,
    reason,
    headers,
    declared: response.headers.get("content-length"),
  });
}

/** Responses of another implementation (a polyfill, another realm) are as good. */
function isResponse(value: unknown): value is Response {
  if (value instanceof Response) return true;
  return (
    typeof value === "object" &&
    value !== null &&
    Object.prototype.toString.call(value) === "[object Response]"
  );
}

function setEmpty(headers: string[], declared: string | null): void {
  if (declared === null) headers.push("content-length", "0");
  else if (declared !== "0")
    throw new Error(`the body is empty, but Content-Length declares ${declared} bytes`);
}

/** Set-Cookie fields come one by one. The framing is the server's: what a fetched Response says of its own is left out. */
function fields(response: Response): string[] {
  const list: string[] = [];
  for (const [name, value] of response.headers) {
    if (isHopByHop(name) && !(name === "connection" && value.toLowerCase() === "close")) continue;
    if (name === "content-length" && response.status === 204) continue;
    list.push(name, value);
  }
  return list;
}

function refuse(exchange: Exchange, { status, reason }: Refusal): void {
  const text = `${reason}\n`;
  const length = String(Buffer.byteLength(text));
  exchange.head(status, undefined, ["content-type", "text/plain; charset=utf-8", "content-length", length]);
  exchange.end(text);
}
