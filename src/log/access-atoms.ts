// The atoms of the access log, each a function from a finished exchange to its text, ready for its place in the line.

import { basicUser } from "./basic-user.ts";
import { accessStamp } from "./clock.ts";
import { variable } from "./environ.ts";
import { quote, quoteBytes } from "./quote.ts";
import { requestPath, requestQuery } from "./target.ts";
import { parseTraceparent } from "./trace.ts";

/** What a line is made of; an Exchange is one. */
export interface AccessRecord {
  /** Who asks, by the word of a trusted proxy where there is one. */
  readonly client: { readonly address: string; readonly port?: number | undefined };
  readonly connection: {
    readonly local?: { readonly address: string; readonly port?: number | undefined };
  };
  readonly method: string;
  /** The request target as it was sent. */
  readonly target: string;
  readonly httpVersion: string;
  readonly scheme?: "http" | "https";
  readonly scriptName?: string;
  /** A request header by its lower-case name. */
  header(name: string): string | undefined;
  readonly status: number;
  /** Bytes of the answer's body, without framing. */
  readonly bodyBytes: number;
  /** A response header by its lower-case name. */
  responseHeader(name: string): string | undefined;
  /** The WSGI environ, where the application had one: what `%({variable}e)s` shows. */
  readonly environ?: Readonly<Record<string, unknown>> | undefined;
}

export interface Atom {
  /** Set where the text is always the same, so that it can become part of the format. */
  readonly constant?: string;
  readonly text: (record: AccessRecord, durationMs: number) => string;
  /** True where the text is a whole number, which `%(atom)d` wants. */
  readonly whole: boolean;
  /** What it takes to know the value. */
  readonly needs: "nothing" | "client" | "bodyBytes" | "duration";
}

type Text = Atom["text"];

const plain = (text: Text): Atom => ({ text, whole: false, needs: "nothing" });
const constant = (text: string): Atom => ({ ...plain(() => text), constant: text });
const timed = (text: Text, whole: boolean): Atom => ({ text, whole, needs: "duration" });

const shown = (value: string | undefined): string => (value === undefined ? "-" : quoteBytes(value));

/** For a field that formats leave without quotes: a space would begin the next field. */
const unspaced = (text: string): string => (text.includes(" ") ? text.replaceAll(" ", "\\x20") : text);

const micros = (durationMs: number): number => (durationMs > 0 ? Math.round(durationMs * 1000) : 0);

const atoms: Readonly<Record<string, Atom>> = {
  h: { text: (record) => unspaced(quote(record.client.address)) || "-", whole: false, needs: "client" },
  l: constant("-"),
  u: plain((record) => unspaced(quote(basicUser(record.header("authorization")) ?? "-"))),
  t: plain(() => accessStamp()),
  r: plain(
    (record) => `${quoteBytes(record.method)} ${quoteBytes(record.target)} HTTP/${record.httpVersion}`,
  ),
  m: plain((record) => quoteBytes(record.method)),
  U: plain((record) => quoteBytes(pathInfo(record))),
  q: plain((record) => quoteBytes(requestQuery(record.target))),
  H: plain((record) => `HTTP/${record.httpVersion}`),
  s: plain((record) => (record.status > 0 ? String(record.status) : "-")),
  b: { text: (record) => String(record.bodyBytes), whole: false, needs: "bodyBytes" },
  B: { text: (record) => String(record.bodyBytes), whole: true, needs: "bodyBytes" },
  f: plain((record) => shown(record.header("referer"))),
  a: plain((record) => shown(record.header("user-agent"))),
  T: timed((_, ms) => String(Math.floor(micros(ms) / 1e6)), true),
  D: timed((_, ms) => String(micros(ms)), true),
  M: timed((_, ms) => String(Math.floor(micros(ms) / 1e3)), true),
  L: timed((_, ms) => {
    const us = micros(ms);
    return `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, "0")}`;
  }, false),
  p: constant(`<${process.pid}>`),
  trace_id: plain((record) => parseTraceparent(record.header("traceparent"))?.traceId ?? "-"),
  span_id: plain((record) => parseTraceparent(record.header("traceparent"))?.spanId ?? "-"),
};

/** The atom written `%(name)s`; undefined where there is none. */
export function atom(name: string): Atom | undefined {
  const braces = /^\{(.+)\}([ioe])$/.exec(name.toLowerCase());
  if (braces === null || !name.startsWith("{")) return Object.hasOwn(atoms, name) ? atoms[name] : undefined;
  const [, key = "", kind] = braces;
  if (kind === "i") return plain((record) => shown(record.header(key)));
  if (kind === "o") return plain((record) => shown(record.responseHeader(key)));
  return { text: (record) => shown(variable(record, key)), whole: false, needs: "client" };
}

/** A WSGI application mounted below a prefix has a shorter path than its target. */
function pathInfo(record: AccessRecord): string {
  const given = record.environ?.PATH_INFO;
  return typeof given === "string" ? given : requestPath(record.target);
}
