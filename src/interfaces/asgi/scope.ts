// The scope of a request.

import { EXCHANGE, type Exchange } from "../../protocols/exchange.ts";
import { percentDecoded } from "../../protocols/path.ts";
import type { AsgiHeaders, ConnectionScope, Extensions, HttpScope, WebSocketScope } from "../asgi.ts";
import { splitTarget } from "../target.ts";
import { tlsExtension } from "./tls.ts";

export type State = Readonly<Record<string, unknown>>;

const ASGI = Object.freeze({ version: "3.0", spec_version: "2.5" } as const);

/** What every protocol can carry. */
const HTTP_EXTENSIONS = Object.freeze({ "http.response.pathsend": Object.freeze({}) });
const MORE_EXTENSIONS = Object.freeze({
  "http.response.early_hint": Object.freeze({}),
  "http.response.trailers": Object.freeze({}),
  ...HTTP_EXTENSIONS,
});
const WEBSOCKET_EXTENSIONS = Object.freeze({ "websocket.http.response": Object.freeze({}) });

export function httpScope(exchange: Exchange, state: State | undefined): HttpScope {
  return {
    type: "http",
    method: exchange.method.toUpperCase(),
    scheme: exchange.scheme,
    ...connectionScope(exchange, state),
    extensions: extended(exchange.carriesMore ? MORE_EXTENSIONS : HTTP_EXTENSIONS, exchange),
  };
}

export function webSocketScope(
  exchange: Exchange,
  state: State | undefined,
  subprotocols: readonly string[],
): WebSocketScope {
  return {
    type: "websocket",
    scheme: exchange.scheme === "https" ? "wss" : "ws",
    subprotocols,
    ...connectionScope(exchange, state),
    extensions: extended(WEBSOCKET_EXTENSIONS, exchange),
  };
}

function extended(common: Extensions, { connection }: Exchange): Extensions {
  return connection.tls === undefined ? common : { ...common, tls: tlsExtension(connection.tls) };
}

type Common = Omit<ConnectionScope, "extensions">;

function connectionScope(exchange: Exchange, state: State | undefined): Common {
  const { client, scriptName, pathInfo, connection } = exchange;
  const { address, port } = connection.local;
  const [path, query] = splitTarget(exchange.target);
  const scope: Common = {
    asgi: ASGI,
    http_version: exchange.httpVersion === "2.0" ? "2" : exchange.httpVersion,
    path: pathInfo === undefined ? percentDecoded(path) : scriptName + pathInfo,
    raw_path: path,
    query_string: query,
    root_path: scriptName,
    headers: headersOf(exchange.rawHeaders),
    client: client.address === "" ? null : [client.address, client.port ?? 0],
    server: port === undefined ? null : [address, port],
  };
  if (state !== undefined) scope.state = { ...state };
  // For extendDeadline(); middleware that copies a scope copies it too.
  Object.assign(scope, { [EXCHANGE]: exchange });
  return scope;
}

function headersOf(raw: readonly string[]): AsgiHeaders {
  const headers: [string, string][] = [];
  // Not pushed, which would leave room for more: a WebSocket's scope stays.
  headers.length = raw.length >> 1;
  for (let i = 0; i + 1 < raw.length; i += 2) headers[i >> 1] = [lowerCase(raw[i] ?? ""), raw[i + 1] ?? ""];
  return headers;
}

// Clients send the same few names over and over.
const lowered = new Map<string, string>();
const MOST_NAMES = 512;

function lowerCase(name: string): string {
  let lower = lowered.get(name);
  if (lower === undefined) {
    lower = name.toLowerCase();
    if (lowered.size < MOST_NAMES && name.length < 64) lowered.set(name, lower);
  }
  return lower;
}
