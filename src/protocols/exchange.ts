// The narrow waist: every protocol produces an Exchange and every interface consumes one.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";
import type { TLSSocket } from "node:tls";

/** Where a request that an application was called with has its exchange. */
export const EXCHANGE: unique symbol = Symbol.for("tgunicorn.exchange");
/** Where the socket of Node's requests has what knows them: `exchangeOf(request)`. */
export const CONNECTION: unique symbol = Symbol.for("tgunicorn.connection");

/** One end of a connection. A unix socket's has no port and the empty string for an address. */
export interface Endpoint {
  readonly address: string;
  readonly port: number | undefined;
}

/** What is known once per connection. */
export interface Connection {
  readonly peer: Endpoint;
  readonly local: Endpoint;
  /** True where the peer may speak for a client (forwardedAllowIps); peers on unix sockets always may. */
  readonly trusted: boolean;
  readonly encrypted: boolean;
  /** TLS as this server speaks it: its version, the client's certificate. Undefined where a front has taken it off. */
  readonly tls?: TLSSocket | undefined;
  /** What was accepted. For comparing: what is spoken on it is its engine's alone. */
  readonly socket: Socket;
}

/** A client's wish to go on with another protocol on the connection. RFC 9110, section 7.8. */
export interface Upgrade {
  /** What it asks for, in lower case: `websocket`. */
  readonly protocol: string;
  /**
   * Hands the connection over, once, instead of an answer: whoever takes it writes the answer, and owns the connection
   * from then on. From a status of 101 on the exchange is no longer a request in flight, and it is over when the
   * connection is closed.
   *
   * `leave` is called where the connection is to come to its end, with the status code of a WebSocket's close frame: 1012
   * on a reload, 1001 on a stop, 1011 where the application has failed. Without it a WebSocket is sent that frame, and
   * any other protocol left alone until gracefulTimeout is nearly over.
   */
  take(leave?: (code: number) => void): { readonly socket: Duplex; readonly head: Buffer };
}

/** One request and its answer, whatever the protocol. */
export interface Exchange {
  readonly connection: Connection;
  readonly method: string;
  /** The request target as it was sent. */
  readonly target: string;
  readonly httpVersion: string;
  /** Names and values by turns, in order, as they were sent. */
  readonly rawHeaders: readonly string[];
  /** A header's value by its lower-case name; several are joined as HTTP says. */
  header(name: string): string | undefined;
  readonly scheme: "http" | "https";
  /** Who asks: the peer, or whom a trusted peer says that it speaks for. */
  readonly client: Endpoint;
  /** The same without a system call: where it would take one, the descriptor of the client's connection. */
  readonly clientAtHand: Endpoint | number;
  /** Where the application is mounted, as the front has it (SCRIPT_NAME, root_path), percent-decoded; empty at the root. */
  readonly scriptName: string;
  /** The path below that, percent-decoded, where the front has told it; undefined where the target alone tells. */
  readonly pathInfo: string | undefined;
  /** CGI's variables of a uwsgi, FastCGI or SCGI request, as the front sent them; undefined elsewhere. */
  readonly variables: ReadonlyMap<string, string> | undefined;
  readonly body: Readable;
  /** Undefined where the client asks for none, or for one that nobody here takes: it is a plain request then. */
  readonly upgrade: Upgrade | undefined;
  /**
   * Aborts when the client goes away before the answer is complete, and, with a TimeoutError, when the request's time is
   * over. Made on first use.
   */
  readonly signal: AbortSignal;
  /** Aborts `signal`. */
  abort(reason: Error): void;
  /** performance.now() when the request's head had arrived. */
  readonly startedAt: number;
  /** Milliseconds the application has asked for beyond its time: see extendDeadline(). */
  extraTime: number;
  /** The WSGI environ that the application was called with, where it was: for hooks and logs. */
  environ: Readonly<Record<string, unknown>> | undefined;
  /** Its place among the requests in flight of its event loop, for whoever keeps them; -1 where it has none. */
  place: number;

  /** Whether its answer can have others before it (1xx) and fields after it: HTTP has both from 1.1 on. */
  readonly carriesMore: boolean;
  /** True once the status line is on its way and can't be changed. */
  readonly answered: boolean;
  /** True once it is answered, and the client has that, or its client is gone. */
  readonly over: boolean;
  /** True once the whole answer has been given, though the client may not have it yet. */
  readonly complete: boolean;
  /** Sends an informational answer (103 Early Hints) before the answer; nothing where it can't be sent. */
  inform(status: number, headers: readonly string[]): void;
  /** Sets status, optional reason phrase and headers (names and values by turns). Call once, before any body. */
  head(status: number, reason: string | undefined, headers: readonly string[]): void;
  /** Sends a piece of the body; false asks the caller to await drained() before the next, which tells where nobody waits. */
  write(chunk: Uint8Array | string): boolean;
  /** Resolves when more may be written; rejects when the client is gone. */
  drained(): Promise<void>;
  /** Fields to be sent after the body; to be called before end(). Left out where the answer can't have any. */
  trailers(headers: readonly string[]): void;
  end(chunk?: Uint8Array | string): void;
  /**
   * Answers in the application's stead, where nothing is answered: a plain answer of `status`, without what the application
   * has set and past what it has put around Node's response. The connection is closed after it.
   */
  answerInstead(status: number): void;
  /** Closes the connection without completing the answer, so that no client can take it for whole. */
  cut(): void;
  /**
   * To be asked where it is over and not complete: calls back, in a later turn, when an application that answers through Node's
   * pair has done with it all the same, as far as that can be known: it ends the response, pipes something into it, or has
   * been told that nobody waits. Where the handler's promise is `pending` that tells, and this calls back only where it is
   * known to settle never. Other interfaces have a promise or are done.
   */
  whenReleased(pending: boolean, released: () => void): void;
  /** For an answer that was given or cut in the application's stead: what that still does to it changes and harms nothing. */
  seal(): void;

  /** The pair that Node applications want. */
  node(): { readonly req: IncomingMessage; readonly res: ServerResponse };

  // The outcome, complete once the exchange is done.
  readonly status: number;
  /** Bytes of the body handed to the connection, without framing. */
  readonly bodyBytes: number;
  /** A response header as sent, by its lower-case name. */
  responseHeader(name: string): string | undefined;
}

/**
 * An application behind an interface: it answers the exchange, now or later. A throw or a rejection is the application's
 * failure. Without a promise, or once that has settled, nothing but the answer tells whether it still works.
 */
export type Handler = (exchange: Exchange) => void | Promise<void>;

/**
 * The exchange of a request of Node's, whatever protocol it came by; undefined once that is over. By registered symbols
 * alone: the application may have imported another copy of this package.
 */
export function exchangeOfRequest(request: object): unknown {
  const socket: unknown = Reflect.get(request, "socket");
  const connection: unknown = isObject(socket) ? Reflect.get(socket, CONNECTION) : undefined;
  if (!isObject(connection) || !("exchangeOf" in connection)) return undefined;
  const { exchangeOf } = connection;
  return typeof exchangeOf === "function" ? Reflect.apply(exchangeOf, connection, [request]) : undefined;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
