// The WSGI interface: PEP 3333 carried over to TypeScript. https://peps.python.org/pep-3333/

import type { ErrorStream } from "./wsgi/errors.ts";
import type { Filelike, FileWrapper } from "./wsgi/file-wrapper.ts";
import type { Input } from "./wsgi/input.ts";

/** The property that marks a function with its interface. It is registered, so that any copy of this package knows it. */
export const INTERFACE = Symbol.for("tgunicorn.interface");

/** The request. CGI's names, text throughout; what the server adds has a dot in its name. */
export interface Environ {
  REQUEST_METHOD: string;
  /** Where the application is mounted: empty. */
  SCRIPT_NAME: string;
  /** The path, percent-decoded as UTF-8. */
  PATH_INFO: string;
  /** What follows the question mark, as sent. */
  QUERY_STRING: string;
  /** The request target as sent. */
  RAW_URI: string;
  CONTENT_TYPE?: string;
  CONTENT_LENGTH?: string;
  SERVER_NAME: string;
  SERVER_PORT: string;
  SERVER_PROTOCOL: string;
  SERVER_SOFTWARE: string;
  REMOTE_ADDR: string;
  REMOTE_PORT?: string;
  "wsgi.version": readonly [1, 0];
  "wsgi.url_scheme": "http" | "https";
  "wsgi.input": Input;
  "wsgi.input_terminated": true;
  "wsgi.errors": ErrorStream;
  "wsgi.file_wrapper": (file: Filelike, blockSize?: number) => FileWrapper;
  "wsgi.multithread": boolean;
  "wsgi.multiprocess": boolean;
  "wsgi.run_once": boolean;
  /** Aborts when the client goes away before the answer is complete, or the request's time is over. */
  readonly "tgunicorn.signal": AbortSignal;
  /** extendDeadline() for this request: it gets `seconds` more. */
  readonly "tgunicorn.extendDeadline": (seconds: number) => boolean;
  /** A header: upper case, with underscores for dashes. Of those sent with underscores, forwarderHeaders and headerMap tell. */
  [header: `HTTP_${string}`]: string | undefined;
  /** Whatever middleware adds. */
  [key: string]: unknown;
}

/**
 * Begins the answer: `startResponse("200 OK", [["Content-Type", "text/plain"]])`. May be called again only with
 * `excInfo`, the exception that is being handled; it is thrown again where the head has been sent already.
 */
export type StartResponse = (
  status: string,
  headers: readonly (readonly [name: string, value: string])[],
  excInfo?: unknown,
) => Write;

/** Sends a piece at once, the head before the first one. False where the client is slower: an iterable would wait for it. */
export type Write = (data: string | Uint8Array) => boolean;

/** The body: strings (sent as UTF-8) or bytes. `close()`, where there is one, is called once, whatever happens. */
export type WsgiBody =
  | ((Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>) & { close?(): unknown })
  | Uint8Array;

export type WsgiApplication = (
  environ: Environ,
  startResponse: StartResponse,
) => WsgiBody | Promise<WsgiBody>;

/**
 * Marks a function as a WSGI application, which can't be told from one of Node's by its looks.
 * Throws a TypeError where `app` is no function.
 */
export function wsgi(app: WsgiApplication): WsgiApplication {
  if (typeof app !== "function") throw new TypeError("wsgi() takes a function (environ, startResponse)");
  const marked: WsgiApplication = (environ, startResponse) => app(environ, startResponse);
  return Object.defineProperty(marked, INTERFACE, { value: "wsgi" });
}
