// What is refused although node:http lets it through, and the limits of the configuration: one pass over the head.
// Smuggling cases: RFC 9112 sections 3.2, 6.1 and 11.2. Node's parser also takes HTTP/0.9, HTTP/2.0, RTSP and ICE.

import type { IncomingMessage } from "node:http";
import type { Config } from "../../config/config.ts";
import { compileSchemes } from "../trust/schemes.ts";

export interface Refusal {
  readonly status: 400 | 405 | 408 | 413 | 414 | 417 | 431 | 505;
  /** For the log. */
  readonly reason: string;
  /** For the client; by default what the status stands for. */
  readonly hint?: string;
}

export interface RuleSettings
  extends Pick<
    Config,
    | "limitRequestLine"
    | "limitRequestFields"
    | "limitRequestFieldSize"
    | "secureSchemeHeaders"
    | "headerMap"
    | "forwarderHeaders"
  > {}

/** The part of a connection that the rules ask for, and only when a header makes them. */
export interface Peer {
  readonly trusted: boolean;
}

/** The part of a request that the rules look at. */
export type AskedHead = Pick<IncomingMessage, "method" | "url" | "httpVersionMajor" | "httpVersionMinor"> & {
  readonly rawHeaders: readonly string[];
};

export interface Rules {
  /** Undefined where the request may pass. */
  check(request: AskedHead, peer: Peer): Refusal | undefined;
}

const UNLIMITED = 0x3fff_ffff; // a small integer for V8
/** What one head may take at most, whatever the settings; and what is let in to be refused by its proper status. */
const LARGEST_HEAD = 1 << 20;
const SMALLEST_HEAD = 1 << 16;

/** The size of a head that the limits allow, for node's own limit. */
export function largestHead(
  settings: Pick<Config, "limitRequestLine" | "limitRequestFields" | "limitRequestFieldSize">,
): number {
  const { limitRequestLine: line, limitRequestFields: fields, limitRequestFieldSize: size } = settings;
  if (line === 0 || fields === 0 || size === 0) return LARGEST_HEAD;
  return Math.min(Math.max(line + fields * (size + 2) + 4, SMALLEST_HEAD), LARGEST_HEAD);
}

const LINE: Refusal = { status: 414, reason: "Request line is too large" };
const FIELDS: Refusal = { status: 431, reason: "Too many request header fields" };
const FIELD: Refusal = { status: 431, reason: "Request header field is too large" };
const NO_HOST: Refusal = { status: 400, reason: "Missing Host header" };
const HOSTS: Refusal = { status: 400, reason: "More than one Host header" };
const CODING: Refusal = { status: 400, reason: "Unsupported Transfer-Encoding" };
const CODING_1_0: Refusal = { status: 400, reason: "Transfer-Encoding in an HTTP/1.0 request" };
const SCHEMES: Refusal = { status: 400, reason: "Contradictory scheme headers" };

// RFC 9110, section 15.6.6: 505 is for a major version. One without a version, or 0.9, is no request at all.
const VERSION: Refusal = { status: 505, reason: "The HTTP version is neither 1.0 nor 1.1" };
const OLD_VERSION: Refusal = { status: 400, reason: "HTTP/0.9 is not supported" };
const METHOD: Refusal = { status: 400, reason: "The method is RTSP's or Icecast's, not HTTP's" };
const ASTERISK: Refusal = { status: 400, reason: "The target * is for OPTIONS alone" };
const HOST: Refusal = { status: 400, reason: "Invalid Host header" };
const OTHER_HOST: Refusal = { status: 400, reason: "The target's host is not the Host header's" };

/** Node doesn't tell whether RTSP/1.0, ICE/1.0 or HTTP/1.0 was said, but most of their methods are not HTTP's. */
const FOREIGN: ReadonlySet<string> = new Set([
  ...["ANNOUNCE", "DESCRIBE", "FLUSH", "GET_PARAMETER", "PAUSE", "PLAY", "RECORD", "REDIRECT"],
  ...["SET_PARAMETER", "SETUP", "SOURCE", "TEARDOWN"],
]);

/** RFC 3986, section 3.2.2, with a port; it may be empty. In brackets also a zone, as some clients send it. */
const HOST_FORM = /^(?:\[[\w.:~!$&'()*+,;=%-]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/;

const UNDERSCORE: Refusal = { status: 400, reason: "Header name with an underscore" };

const lower = (text: string): number => text.charCodeAt(0) | 0x20;
const [H, T] = [lower("h"), lower("t")];
const [STAR, SLASH] = ["*".charCodeAt(0), "/".charCodeAt(0)];

/** A target in absolute form: its authority. RFC 9112, section 3.2.2. */
const ABSOLUTE = /^([a-z][a-z\d+.-]*):\/\/([^/?#]*)/i;

/** RFC 3986, section 6.2.3: with the scheme's own port an authority is the same as without. */
const USUAL_PORT: Readonly<Record<string, RegExp>> = { http: /:(?:80)?$/, https: /:(?:443)?$/ };

/** What a front looks at and what the application sees must be one host; a proxy passes both on as they were. */
function namesAnother(url: string, host: string): boolean {
  const [, scheme = "", authority] = ABSOLUTE.exec(url) ?? [];
  const port = USUAL_PORT[scheme.toLowerCase()] ?? "";
  const plain = (one: string): string => one.toLowerCase().replace(port, "");
  return authority !== undefined && plain(authority) !== plain(host);
}

export function compileRules(settings: RuleSettings): Rules {
  const maxLine = settings.limitRequestLine || UNLIMITED;
  const maxRaw = (settings.limitRequestFields || UNLIMITED >> 1) * 2;
  const maxField = settings.limitRequestFieldSize || UNLIMITED;
  const schemes = compileSchemes(settings);
  const refused = settings.headerMap === "refuse";
  const forwarders = new Set(settings.forwarderHeaders.map((name) => name.toLowerCase()));

  /** A name that would be another's as a variable, unless a trusted peer may send it. */
  const ambiguous = (name: string, peer: Peer): boolean =>
    name.includes("_") && !((forwarders.has("*") || forwarders.has(name.toLowerCase())) && peer.trusted);

  /** Most requests have the same. */
  let validHost = "";
  const isHost = (value: string): boolean => {
    if (value === validHost) return true;
    if (!HOST_FORM.test(value)) return false;
    validHost = value;
    return true;
  };

  const check = (request: AskedHead, peer: Peer): Refusal | undefined => {
    const { method = "", url = "", rawHeaders } = request;
    if (request.httpVersionMajor !== 1) return request.httpVersionMajor === 0 ? OLD_VERSION : VERSION;
    if (method !== "GET" && method !== "POST" && FOREIGN.has(method)) return METHOD;
    if (url.charCodeAt(0) === STAR && (url.length > 1 || method !== "OPTIONS")) return ASTERISK;
    // method SP target SP HTTP/1.1
    if (method.length + url.length + 10 > maxLine) return LINE;
    const { length } = rawHeaders;
    if (length > maxRaw) return FIELDS;
    let hosts = 0;
    let host = "";
    let codings = 0;
    let scheme: "http" | "https" | undefined;
    for (let i = 0; i < length; i += 2) {
      const name = rawHeaders[i];
      const value = rawHeaders[i + 1];
      if (name === undefined || value === undefined) break;
      const size = name.length;
      if (size + value.length + 4 > maxField) return FIELD;
      const first = name.charCodeAt(0) | 0x20;
      if (first === H) {
        if (size === 4 && name.toLowerCase() === "host") {
          if (++hosts > 1) return HOSTS;
          if (!isHost(value)) return HOST;
          host = value;
        }
      } else if (first === T) {
        if (size === 17 && name.toLowerCase() === "transfer-encoding") {
          if (request.httpVersionMinor === 0) return CODING_1_0;
          if (++codings > 1 || value.toLowerCase() !== "chunked") return CODING;
        }
      }
      const said = schemes.said(name, value);
      if (said !== undefined) {
        if (scheme !== undefined && said !== scheme && peer.trusted) return SCHEMES;
        scheme = said;
      }
      if (refused && ambiguous(name, peer)) return UNDERSCORE;
    }
    if (hosts === 0) return request.httpVersionMinor === 1 ? NO_HOST : undefined;
    return url.charCodeAt(0) !== SLASH && namesAnother(url, host) ? OTHER_HOST : undefined;
  };

  return { check };
}
