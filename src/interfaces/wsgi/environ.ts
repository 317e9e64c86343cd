// The environ of a request: the keys that Gunicorn supplies, with its values.

import type { Config } from "../../config/config.ts";
import type { Exchange } from "../../protocols/exchange.ts";
import { below, percentDecoded } from "../../protocols/path.ts";
import { extend } from "../deadline.ts";
import { splitTarget } from "../target.ts";
import type { Environ } from "../wsgi.ts";
import type { ErrorStream } from "./errors.ts";
import { type Filelike, FileWrapper } from "./file-wrapper.ts";
import type { Input } from "./input.ts";
import { tlsVariables } from "./tls.ts";

export interface EnvironOptions {
  readonly input: Input;
  readonly errors: ErrorStream;
  readonly multiprocess: boolean;
  readonly multithread: boolean;
  readonly software: string;
  readonly addHeaders: AddHeaders;
}

/** Adds a request's header fields to its environ. */
export type AddHeaders = (environ: Environ, exchange: Exchange) => void;

const VERSION: readonly [1, 0] = [1, 0];
const fileWrapper = (file: Filelike, blockSize?: number): FileWrapper => new FileWrapper(file, blockSize);

export function makeEnviron(exchange: Exchange, options: EnvironOptions): Environ {
  const { target, client, scriptName } = exchange;
  const [path, query] = splitTarget(target);
  const [serverName, serverPort] = server(exchange);
  const environ: Environ = {
    REQUEST_METHOD: exchange.method,
    SCRIPT_NAME: scriptName,
    PATH_INFO: exchange.pathInfo ?? pathBelow(scriptName, percentDecoded(path)),
    QUERY_STRING: query,
    RAW_URI: target,
    SERVER_NAME: serverName,
    SERVER_PORT: serverPort,
    SERVER_PROTOCOL: `HTTP/${exchange.httpVersion}`,
    SERVER_SOFTWARE: options.software,
    REMOTE_ADDR: client.address,
    "wsgi.version": VERSION,
    "wsgi.url_scheme": exchange.scheme,
    "wsgi.input": options.input,
    "wsgi.input_terminated": true,
    "wsgi.errors": options.errors,
    "wsgi.file_wrapper": fileWrapper,
    "wsgi.multithread": options.multithread,
    "wsgi.multiprocess": options.multiprocess,
    "wsgi.run_once": false,
    get "tgunicorn.signal"() {
      return exchange.signal;
    },
    "tgunicorn.extendDeadline": (seconds) => extend(exchange, seconds),
  };
  if (client.port !== undefined) environ.REMOTE_PORT = String(client.port);
  const { tls } = exchange.connection;
  if (tls !== undefined) Object.assign(environ, tlsVariables(tls));
  if (exchange.variables !== undefined) addVariables(environ, exchange.variables);
  options.addHeaders(environ, exchange);
  return environ;
}

/** The front's own, but for header fields and what has been made of them already. */
function addVariables(environ: Environ, variables: ReadonlyMap<string, string>): void {
  for (const [name, value] of variables) {
    if (name.startsWith("HTTP_") || name.includes(".") || MADE.has(name) || value === "") continue;
    environ[name] = value;
  }
}

const MADE = new Set([
  "REQUEST_METHOD",
  "SCRIPT_NAME",
  "PATH_INFO",
  "SERVER_SOFTWARE",
  "REMOTE_ADDR",
  "REMOTE_PORT",
  "CONTENT_TYPE",
  "CONTENT_LENGTH",
]);

/** A proxy and the application disagree about where that is mounted: as in Gunicorn, the request fails. */
function pathBelow(scriptName: string, path: string): string {
  const rest = below(scriptName, path);
  if (rest !== undefined) return rest;
  throw new Error(
    `Request path ${JSON.stringify(path)} does not start with SCRIPT_NAME ${JSON.stringify(scriptName)}`,
  );
}

export type HeaderSettings = Pick<Config, "headerMap" | "forwarderHeaders">;

export function compileHeaders({ headerMap, forwarderHeaders }: HeaderSettings): AddHeaders {
  const forwarders = new Set(forwarderHeaders.map((name) => name.toUpperCase()));
  /** X_Real_Ip could pass for X-Real-Ip, which a proxy in front may have set. */
  const mayPass = (name: string, exchange: Exchange): boolean =>
    headerMap === "dangerous" ||
    ((forwarders.has("*") || forwarders.has(name.toUpperCase())) && exchange.connection.trusted);
  return (environ, exchange) => {
    const raw = exchange.rawHeaders;
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = raw[i] ?? "";
      const known = keyOf(name);
      if (known.ambiguous && !mayPass(name, exchange)) continue;
      const { key } = known;
      const value = raw[i + 1] ?? "";
      const before = environ[key];
      environ[key] =
        typeof before === "string" ? before + (key === "HTTP_COOKIE" ? "; " : ",") + value : value;
    }
  };
}

interface Key {
  readonly key: string;
  readonly ambiguous: boolean;
}

// Clients send the same few names over and over.
const keys = new Map<string, Key>();
const MOST_KEYS = 512;

function keyOf(name: string): Key {
  const known = keys.get(name);
  if (known !== undefined) return known;
  const upper = name.toUpperCase();
  const key: Key = {
    key:
      upper === "CONTENT-TYPE" || upper === "CONTENT-LENGTH"
        ? upper.replace("-", "_")
        : `HTTP_${upper.replaceAll("-", "_")}`,
    ambiguous: name.includes("_"),
  };
  if (keys.size < MOST_KEYS && name.length < 64) keys.set(name, key);
  return key;
}

/** Name and port of this end; on a unix socket, which has neither, those that the client meant. */
function server(exchange: Exchange): [name: string, port: string] {
  const { address, port } = exchange.connection.local;
  if (port !== undefined) return [address, String(port)];
  const meant = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(exchange.header("host") ?? "");
  return [meant?.[1] || "localhost", meant?.[2] ?? (exchange.scheme === "https" ? "443" : "80")];
}
