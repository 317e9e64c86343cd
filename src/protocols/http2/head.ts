// A request's head as other protocols have it: RFC 9113 section 8.3.

import type { Connection, Endpoint } from "../exchange.ts";
import type { Refusal } from "../http1/rules.ts";
import type { MessageHead } from "../message/transport.ts";
import type { Trust } from "../trust/trust.ts";

/** What a client may say; the rest of the facts is worked out when somebody asks. */
export class Http2Head implements MessageHead {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly httpVersion = "2.0";
  readonly pathInfo: undefined = undefined;
  readonly variables: undefined = undefined;
  readonly #connection: Connection;
  readonly #trust: Trust;
  #client: Endpoint | undefined = undefined;

  constructor(fields: Fields, connection: Connection, trust: Trust) {
    this.method = fields.method;
    this.target = fields.target;
    this.rawHeaders = fields.rawHeaders;
    this.#connection = connection;
    this.#trust = trust;
  }

  get scheme(): "http" | "https" {
    return this.#trust.scheme(this.#connection, this.rawHeaders);
  }

  get client(): Endpoint {
    this.#client ??= this.#trust.client(this.#connection, this.rawHeaders);
    return this.#client;
  }

  get scriptName(): string {
    return this.#trust.scriptName(this.#connection, this.rawHeaders);
  }
}

export interface Fields {
  readonly method: string;
  readonly target: string;
  /** Names and values by turns, with a Host header in the place of `:authority`. */
  readonly rawHeaders: readonly string[];
  readonly refusal: Refusal | undefined;
}

const DIFFERENT: Refusal = { status: 400, reason: "Host header and :authority differ" };

/** Reads a head as node gives it, names and values by turns, the pseudo headers among them. */
export function readFields(raw: readonly string[]): Fields {
  let method = "";
  let target = "";
  let authority: string | undefined;
  let host: string | undefined;
  let cookie = -1;
  let refusal: Refusal | undefined;
  const rawHeaders: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const value = raw[i + 1] ?? "";
    if (name === ":method") method = value;
    else if (name === ":path") target = value;
    else if (name === ":authority") authority = value;
    else if (name.startsWith(":")) continue;
    // Clients cut their cookies up, which nobody else understands: section 8.2.3.
    else if (name === "cookie" && cookie >= 0) rawHeaders[cookie] += `; ${value}`;
    else {
      if (name === "cookie") cookie = rawHeaders.length + 1;
      else if (name === "host") host = value;
      rawHeaders.push(name, value);
    }
  }
  if (authority !== undefined && authority !== "") {
    if (host === undefined) rawHeaders.unshift("host", authority);
    else if (host.toLowerCase() !== authority.toLowerCase()) refusal = DIFFERENT;
  }
  return { method, target, rawHeaders, refusal };
}
