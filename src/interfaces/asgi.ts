// The ASGI interface: version 3.0 of https://asgi.readthedocs.io/en/latest/specs/main.html carried over to TypeScript, with
// the HTTP and WebSocket messages of version 2.5 and the lifespan of version 2.0. Where Python has bytes in a head, this has
// strings, one character for each byte; bodies and messages are bytes.

import { INTERFACE } from "./wsgi.ts";

/** Names in lower case, in the order and as often as they were sent. */
export type AsgiHeaders = readonly (readonly [name: string, value: string])[];
/** What an application may give for headers. */
export type AsgiGivenHeaders = readonly (readonly [name: string | Uint8Array, value: string | Uint8Array])[];

/** What HTTP's and WebSocket's scopes have in common. */
export interface ConnectionScope {
  asgi: { readonly version: "3.0"; readonly spec_version: "2.5" };
  http_version: string;
  /** The path, percent-decoded as UTF-8, with `root_path` where the front has told both. */
  path: string;
  /** The path as sent. */
  raw_path: string;
  /** What follows the question mark, as sent. */
  query_string: string;
  /** Where the application is mounted; empty at the root. */
  root_path: string;
  headers: AsgiHeaders;
  /** Null on a unix socket whose front tells of no client. The port is 0 where the front does not tell it. */
  client: readonly [host: string, port: number] | null;
  /** Null on a unix socket. */
  server: readonly [host: string, port: number] | null;
  /** A copy of what the lifespan has put in; undefined where the application has none. */
  state?: Record<string, unknown>;
  extensions: Extensions;
}

export interface Extensions extends Readonly<Record<string, unknown>> {
  /** Where TLS is spoken with this server itself. */
  readonly tls?: TlsExtension;
}

/** https://asgi.readthedocs.io/en/latest/specs/tls.html */
export interface TlsExtension {
  /** PEM; null where it is not known. */
  readonly server_cert: string | null;
  /** PEM, the client's own first; empty where it has sent none. */
  readonly client_cert_chain: readonly string[];
  /** As RFC 4514 writes names; null where the client has sent no certificate. */
  readonly client_cert_name: string | null;
  /**
   * Why the client's certificate is not accepted, as node:tls names it; null where it is, or there is none. Such a client
   * gets this far only where the sslContext hook has it so.
   */
  readonly client_cert_error: string | null;
  /** `0x0304` is TLS 1.3; null where it is not known. */
  readonly tls_version: number | null;
  /** The number that TLS has for it; null for uncommon ones. */
  readonly cipher_suite: number | null;
}

export interface HttpScope extends ConnectionScope {
  type: "http";
  method: string;
  scheme: "http" | "https";
}

export interface WebSocketScope extends ConnectionScope {
  type: "websocket";
  scheme: "ws" | "wss";
  /** Those that the client offers. */
  subprotocols: readonly string[];
}

export interface LifespanScope {
  type: "lifespan";
  asgi: { readonly version: "3.0"; readonly spec_version: "2.0" };
  /** Is copied into each request's scope. */
  state: Record<string, unknown>;
}

export type Scope = HttpScope | WebSocketScope | LifespanScope;

export type ReceiveEvent =
  | { type: "http.request"; body: Uint8Array; more_body: boolean }
  | { type: "http.disconnect" }
  | { type: "websocket.connect" }
  | { type: "websocket.receive"; text: string; bytes?: undefined }
  | { type: "websocket.receive"; bytes: Uint8Array; text?: undefined }
  | { type: "websocket.disconnect"; code: number; reason: string }
  | { type: "lifespan.startup" }
  | { type: "lifespan.shutdown" };

export type SendEvent =
  | {
      type: "http.response.start" | "websocket.http.response.start";
      status: number;
      headers?: AsgiGivenHeaders;
      /** Says that `http.response.trailers` follows the body. */
      trailers?: boolean;
    }
  | {
      type: "http.response.body" | "websocket.http.response.body";
      body?: Uint8Array | string;
      more_body?: boolean;
    }
  | { type: "http.response.trailers"; headers: AsgiGivenHeaders; more_trailers?: boolean }
  /** Sends 103 with a Link header for each. */
  | { type: "http.response.early_hint"; links: readonly (string | Uint8Array)[] }
  /** The body is that file's. An absolute path. */
  | { type: "http.response.pathsend"; path: string }
  | { type: "websocket.accept"; subprotocol?: string | null; headers?: AsgiGivenHeaders }
  /** One of the two. */
  | { type: "websocket.send"; text?: string | null; bytes?: Uint8Array | null }
  /** Default 1000. Before websocket.accept it refuses the WebSocket with 403. */
  | { type: "websocket.close"; code?: number; reason?: string | null }
  | { type: "lifespan.startup.complete" | "lifespan.shutdown.complete" }
  | { type: "lifespan.startup.failed" | "lifespan.shutdown.failed"; message?: string };

export type Receive = () => Promise<ReceiveEvent>;

/**
 * Resolves when the client takes more. Rejects for messages that are out of place or wrong, and where the client is gone:
 * that needs no handling, and is no error in the log.
 */
export type Send = (event: SendEvent) => Promise<void>;

export type AsgiApplication = (scope: Scope, receive: Receive, send: Send) => unknown;

/**
 * Marks a function as an ASGI application. Without it one is recognised by the names of its arguments, `scope`, `receive`
 * and `send`. Throws a TypeError where `app` is no function.
 */
export function asgi(app: AsgiApplication): AsgiApplication {
  if (typeof app !== "function") throw new TypeError("asgi() takes a function (scope, receive, send)");
  const marked: AsgiApplication = (scope, receive, send) => app(scope, receive, send);
  return Object.defineProperty(marked, INTERFACE, { value: "asgi" });
}
