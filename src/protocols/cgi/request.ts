// The head of a request from CGI's variables: RFC 3875 section 4.1, and what web servers add to it.

import type { EngineConfig } from "../engine.ts";
import type { Endpoint } from "../exchange.ts";
import type { MessageHead } from "../message/transport.ts";
import { type Fact, meaningOf } from "./names.ts";
import { encodePath, type Mounted, mountOf } from "./path.ts";
import type { Refusal } from "./refusal.ts";

export type CgiLimits = Pick<
  EngineConfig,
  "limitRequestLine" | "limitRequestFields" | "limitRequestFieldSize" | "rootPath"
>;

export interface CgiRequest extends MessageHead {
  /** Undefined where the front does not tell. */
  readonly contentLength: number | undefined;
  readonly variables: ReadonlyMap<string, string>;
}

/** Beyond header fields. As Gunicorn has it for uwsgi; web servers send some thirty. */
const MOST_VARIABLES = 1_000;

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
const UNPRINTABLE = /[\0-\x20\x7f]/;
const BREAKS = /[\0\r\n]/;

const bad = (reason: string): Refusal => ({ status: 400, reason });
const LINE: Refusal = { status: 414, reason: "Request line is too large" };
const FIELDS: Refusal = { status: 431, reason: "Too many request header fields" };
const FIELD: Refusal = { status: 431, reason: "Request header field is too large" };
const VARIABLES: Refusal = { status: 431, reason: "Too many variables" };

export type ReadCgi = (pairs: readonly string[], peer: Endpoint) => CgiRequest | Refusal;

/** `pairs`: names and values by turns, as text of latin-1. `peer` is who asks where REMOTE_ADDR does not tell. */
export function compileReader(limits: CgiLimits): ReadCgi {
  const none = Number.POSITIVE_INFINITY;
  const maxLine = limits.limitRequestLine || none;
  const maxFields = limits.limitRequestFields || none;
  const maxField = limits.limitRequestFieldSize || none;

  return (pairs, peer) => {
    const facts: Partial<Record<Fact, string>> = {};
    const rawHeaders: string[] = [];
    let others = 0;
    let scriptNames = 0;
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const name = pairs[i] ?? "";
      const value = pairs[i + 1] ?? "";
      const meaning = meaningOf(name);
      if (meaning.kind === "field") {
        if (name.length - 5 + value.length + 4 > maxField) return FIELD;
        if (BREAKS.test(value)) return bad(`Line break in ${name}`);
        rawHeaders.push(meaning.field, value);
        continue;
      }
      if (++others > MOST_VARIABLES) return VARIABLES;
      if (meaning.kind === "other") continue;
      const { fact } = meaning;
      if (fact === "SCRIPT_NAME") scriptNames++;
      if (fact === "CONTENT_LENGTH" && (facts[fact] ?? value) !== value) {
        return bad("Contradictory CONTENT_LENGTH");
      }
      facts[fact] = value;
    }
    const { REQUEST_METHOD: method = "", CONTENT_TYPE: type = "", CONTENT_LENGTH: length = "" } = facts;
    if (!TOKEN.test(method)) return bad(method === "" ? "No REQUEST_METHOD" : "Invalid REQUEST_METHOD");
    const target = targetOf(facts);
    if (target === "") return bad("No REQUEST_URI");
    if (UNPRINTABLE.test(target)) return bad("Invalid REQUEST_URI");
    if (method.length + target.length + 10 > maxLine) return LINE;
    if (type !== "") {
      if (BREAKS.test(type)) return bad("Line break in CONTENT_TYPE");
      if (type.length + 16 > maxField) return FIELD;
      rawHeaders.push("Content-Type", type);
    }
    if (length !== "") {
      if (!/^\d{1,15}$/.test(length)) return bad("Invalid CONTENT_LENGTH");
      rawHeaders.push("Content-Length", length);
    }
    if (rawHeaders.length > 2 * maxFields) return FIELDS;
    facts.SCRIPT_NAME ||= limits.rootPath;
    return new Request(pairs, facts, { method, target, rawHeaders, length, peer, scriptNames });
  };
}

/** REQUEST_URI is the client's own; CGI proper has only its parts. */
function targetOf(facts: Partial<Record<Fact, string>>): string {
  const {
    REQUEST_URI: uri = "",
    SCRIPT_NAME: script = "",
    PATH_INFO: path = "",
    QUERY_STRING: query = "",
  } = facts;
  if (uri !== "") return uri;
  const built = encodePath(script + path);
  return built === "" || query === "" ? built : `${built}?${query}`;
}

interface Parts {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: string[];
  readonly length: string;
  readonly peer: Endpoint;
  readonly scriptNames: number;
}

/** What few applications ask for is worked out when they do. */
class Request implements CgiRequest {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly contentLength: number | undefined;
  readonly #pairs: readonly string[];
  readonly #facts: Partial<Record<Fact, string>>;
  readonly #peer: Endpoint;
  readonly #scriptNames: number;
  #mounted: Mounted | undefined = undefined;
  #variables: Map<string, string> | undefined = undefined;

  constructor(pairs: readonly string[], facts: Partial<Record<Fact, string>>, parts: Parts) {
    this.#pairs = pairs;
    this.#facts = facts;
    this.#peer = parts.peer;
    this.#scriptNames = parts.scriptNames;
    this.method = parts.method;
    this.target = parts.target;
    this.rawHeaders = parts.rawHeaders;
    this.contentLength = parts.length === "" ? undefined : Number(parts.length);
  }

  get httpVersion(): string {
    return /^HTTP\/(\d(?:\.\d)?)$/.exec(this.#facts.SERVER_PROTOCOL ?? "")?.[1] ?? "1.1";
  }

  /** What the front says: a client's own header fields say nothing. */
  get scheme(): "http" | "https" {
    const { HTTPS = "", REQUEST_SCHEME, UWSGI_SCHEME } = this.#facts;
    if (/^(?:on|1|https)$/i.test(HTTPS)) return "https";
    return (REQUEST_SCHEME ?? UWSGI_SCHEME) === "https" ? "https" : "http";
  }

  get client(): Endpoint {
    const { REMOTE_ADDR: address, REMOTE_PORT: port = "" } = this.#facts;
    if (address === undefined || address === "") return this.#peer;
    // nginx's name for a client on a unix socket.
    if (address.startsWith("unix:")) return { address: "", port: undefined };
    return { address, port: /^\d{1,5}$/.test(port) && port !== "0" ? Number(port) : undefined };
  }

  get scriptName(): string {
    return this.#mount().scriptName;
  }

  get pathInfo(): string {
    return this.#mount().pathInfo;
  }

  get variables(): ReadonlyMap<string, string> {
    if (this.#variables === undefined) {
      const map = new Map<string, string>();
      for (let i = 0; i + 1 < this.#pairs.length; i += 2)
        map.set(this.#pairs[i] ?? "", this.#pairs[i + 1] ?? "");
      this.#variables = map;
    }
    return this.#variables;
  }

  #mount(): Mounted {
    if (this.#mounted === undefined) {
      const { SCRIPT_NAME: scriptName, PATH_INFO: pathInfo, DOCUMENT_URI, SCRIPT_FILENAME } = this.#facts;
      // Named twice, somebody has set it after nginx's usual parameters.
      const namesScript =
        this.#scriptNames === 1 &&
        // nginx's scgi_params name no script: there it is somebody's own word.
        ((scriptName === DOCUMENT_URI && !this.variables.has("SCGI")) ||
          SCRIPT_FILENAME?.startsWith("proxy:") === true);
      this.#mounted = mountOf({ target: this.target, scriptName, pathInfo, namesScript });
    }
    return this.#mounted;
  }
}
