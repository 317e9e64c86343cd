// A request in the terms of the Fetch standard.

import type { Readable } from "node:stream";
import { EXCHANGE, type Exchange } from "../../protocols/exchange.ts";
import { requestLength } from "../answer.ts";

/**
 * A Request that knows its exchange. It is a full Request: `new Request(request)`, `clone()` and `fetch(request)` work.
 * Only its signal is its own, because making it with one costs as much as all the rest (measured: 12 us instead of 5 on
 * Node 20) and few applications ask for it.
 */
class ExchangeRequest extends Request {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange, input: string | Request, init?: RequestInit) {
    super(input, init);
    this.#exchange = exchange;
  }

  // Defined here because the types of Node.js have them as properties, which TypeScript lets no accessor override.
  static {
    const { clone } = Request.prototype;
    Object.defineProperties(ExchangeRequest.prototype, {
      [EXCHANGE]: {
        get(this: ExchangeRequest): Exchange {
          return this.#exchange;
        },
      },
      /** Aborts when the client goes away before the answer is complete, or the request's time is over. */
      signal: {
        configurable: true,
        enumerable: true,
        get(this: ExchangeRequest): AbortSignal {
          return this.#exchange.signal;
        },
      },
      clone: {
        configurable: true,
        writable: true,
        enumerable: true,
        value(this: ExchangeRequest): Request {
          return new ExchangeRequest(this.#exchange, Reflect.apply(clone, this, []));
        },
      },
    });
  }
}

/** What a request can't be, with the status that says so. */
export interface Refusal {
  readonly status: 400 | 501;
  readonly reason: string;
}

/** Makes the Request, or says why there can be none. */
export function toRequest(exchange: Exchange): Request | Refusal {
  const { method } = exchange;
  // The Fetch standard has no Request for them: https://fetch.spec.whatwg.org/#forbidden-method
  if (method === "CONNECT" || method === "TRACE" || method === "TRACK") {
    return { status: 501, reason: `${method} is not supported` };
  }
  const url = urlOf(exchange);
  if (url === undefined) return { status: 400, reason: "invalid Host or request target" };
  const init: RequestInit = { method, headers: pairs(exchange.rawHeaders) };
  if (hasBody(exchange)) {
    init.body = bodyStream(exchange.body);
    init.duplex = "half";
  }
  try {
    return new ExchangeRequest(exchange, url, init);
  } catch (error) {
    // A URL with credentials, a header that the standard does not allow.
    if (error instanceof TypeError) return { status: 400, reason: error.message };
    throw error;
  }
}

/** What may stand in a Host field: RFC 3986, section 3.2.2. Anything else could move the path. */
const HOST = /^(?:\[[\da-fA-F:.]+\]|[\w\-.~%!$&'()*+,;=]+)(?::\d*)?$/;

function urlOf(exchange: Exchange): string | undefined {
  const { target } = exchange;
  if (target.startsWith("/")) return origin(exchange, target);
  if (target === "*") return origin(exchange, "/*");
  // The absolute form, which proxies use: its host is the Host field's, but its scheme is the client's word.
  const url = target.replace(/^https?(?=:\/\/)/i, exchange.scheme);
  return /^https?:\/\//.test(url) && URL.canParse(url) ? url : undefined;
}

function origin(exchange: Exchange, path: string): string | undefined {
  const host = exchange.header("host");
  if (host === undefined || host === "") return `${exchange.scheme}://${localName(exchange)}${path}`;
  if (!HOST.test(host)) return undefined;
  const url = `${exchange.scheme}://${host}${path}`;
  return URL.canParse(url) ? url : undefined;
}

/** HTTP/1.0 does without a Host field. */
function localName({ connection }: Exchange): string {
  const { address, port } = connection.local;
  if (port === undefined) return "localhost";
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function pairs(raw: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) list.push([raw[i] ?? "", raw[i + 1] ?? ""]);
  return list;
}

/** A GET or HEAD has no body in the Fetch standard; if one was sent all the same, the protocol throws it away. */
function hasBody(exchange: Exchange): boolean {
  return exchange.method !== "GET" && exchange.method !== "HEAD" && requestLength(exchange) !== 0;
}

/** A stream of bytes takes the memory that it is given: a piece of a larger buffer would take that from the others. */
const ownBytes = (piece: Uint8Array): Uint8Array =>
  piece.byteLength === piece.buffer.byteLength ? piece : new Uint8Array(piece);

/** The body, read as the application asks for it: what is not asked for stays with the client. */
function bodyStream(body: Readable): ReadableStream<Uint8Array> {
  const chunks = body.iterator({ destroyOnReturn: false });
  return new ReadableStream(
    {
      type: "bytes",
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done === true) {
          controller.close();
          controller.byobRequest?.respond(0);
        } else controller.enqueue(ownBytes(value));
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
