// An Exchange over a transport that is not HTTP/1's connection.

import type { IncomingMessage, ServerResponse } from "node:http";
import { performance } from "node:perf_hooks";
import { Readable } from "node:stream";
import { quoteBytes } from "../../log/quote.ts";
import type { Connection, Endpoint, Exchange } from "../exchange.ts";
import { CLIENT_GONE, goneError } from "../gone.ts";
import { standIn } from "../stand-in.ts";
import { fieldOf, withoutConnectionFields, withoutLength } from "./fields.ts";
import { makePair, type Pair } from "./pair.ts";
import type { MessageHead, Transport } from "./transport.ts";

export interface MessageOptions {
  readonly head: MessageHead;
  readonly connection: Connection;
  readonly transport: Transport;
  /** Ends with the request's body; is destroyed where that breaks off. Null where there is nothing in it. */
  readonly body: Readable | null;
  /** Where it is told what is wrong with an application's answer. */
  readonly log: { warning(message: string): void };
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class MessageExchange implements Exchange {
  readonly connection: Connection;
  readonly startedAt: number = performance.now();
  extraTime = 0;
  environ: Readonly<Record<string, unknown>> | undefined = undefined;
  place = -1;
  /** True once it is answered or its client is gone. */
  over = false;
  bodyBytes = 0;
  readonly #head: MessageHead;
  readonly #transport: Transport;
  readonly #log: MessageOptions["log"];
  #body: Readable | null;
  #aborter: AbortController | undefined = undefined;
  #abortedBy: Error | undefined = undefined;
  #pair: Pair | undefined = undefined;
  #status = 0;
  #sent: readonly string[] = [];
  /** What Content-Length promises; infinite where it says nothing. */
  #declared = Number.POSITIVE_INFINITY;
  #bodiless = false;
  #trailers: readonly string[] = [];
  #ended = false;
  #isCut = false;
  #waiters: Waiter[] = [];
  #flows = true;

  constructor({ head, connection, transport, body, log }: MessageOptions) {
    this.#head = head;
    this.#transport = transport;
    this.#log = log;
    this.connection = connection;
    this.#body = body;
  }

  get method(): string {
    return this.#head.method;
  }

  get target(): string {
    return this.#head.target;
  }

  get httpVersion(): string {
    return this.#head.httpVersion;
  }

  get rawHeaders(): readonly string[] {
    return this.#head.rawHeaders;
  }

  header(name: string): string | undefined {
    return fieldOf(this.#head.rawHeaders, name);
  }

  get scheme(): "http" | "https" {
    return this.#head.scheme;
  }

  get client(): Endpoint {
    return this.#head.client;
  }

  get clientAtHand(): Endpoint {
    return this.client;
  }

  get scriptName(): string {
    return this.#head.scriptName;
  }

  get pathInfo(): string | undefined {
    return this.#head.pathInfo;
  }

  get variables(): ReadonlyMap<string, string> | undefined {
    return this.#head.variables;
  }

  get upgrade(): undefined {
    return undefined;
  }

  get hasBody(): boolean {
    return this.#body !== null;
  }

  /** Made on first use where there is nothing in it: most requests have none. */
  get body(): Readable {
    this.#body ??= emptyBody();
    return this.#body;
  }

  get signal(): AbortSignal {
    if (this.#aborter === undefined) {
      this.#aborter = new AbortController();
      if (this.#abortedBy !== undefined) this.#aborter.abort(this.#abortedBy);
      else if (this.over && !this.#ended) this.#aborter.abort(goneError());
    }
    return this.#aborter.signal;
  }

  abort(reason: Error): void {
    this.#abortedBy = reason;
    this.#aborter?.abort(reason);
  }

  get carriesMore(): boolean {
    return this.#transport.carriesMore;
  }

  get answered(): boolean {
    return this.#status !== 0;
  }

  get complete(): boolean {
    return this.#ended;
  }

  /** Whether nothing that is given now reaches anybody: a connection that is cut may take a moment to close. */
  get #isGone(): boolean {
    return this.over || this.#isCut;
  }

  inform(status: number, headers: readonly string[]): void {
    if (!this.answered && !this.#isGone) this.#transport.inform(status, headers);
  }

  head(status: number, reason: string | undefined, headers: readonly string[]): void {
    if (this.answered || this.#isGone) return;
    this.#status = status;
    const empty = status === 204 || status === 205;
    // RFC 9110 section 8.6: 204 has none, and 205 no content either.
    this.#sent = empty ? withoutLength(withoutConnectionFields(headers)) : withoutConnectionFields(headers);
    this.#bodiless = empty || this.method === "HEAD" || status === 304;
    const length = fieldOf(this.#sent, "content-length");
    if (length !== undefined && /^\d{1,15}$/.test(length)) this.#declared = Number(length);
    this.#transport.head(status, reason, this.#sent, this.#bodiless);
  }

  write(chunk: Uint8Array | string): boolean {
    // As a socket that is closed says: whoever makes pieces without waiting would go on for ever.
    if (this.#isGone) return false;
    if (this.#ended || this.#bodiless) return true;
    const piece = this.#allowed(chunk);
    if (piece.length === 0) return this.#flows;
    this.#flows = this.#transport.write(piece);
    return this.#flows;
  }

  /** A body must not be longer than its Content-Length says: a client would take the rest for something else. */
  #allowed(chunk: Uint8Array | string): Uint8Array | string {
    const length = typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.byteLength;
    const left = this.#declared - this.bodyBytes;
    if (length <= left) {
      this.bodyBytes += length;
      return chunk;
    }
    if (left >= 0) {
      this.warn(
        `gave more than the ${this.#declared} bytes that its Content-Length declares: the rest is left out`,
      );
      this.bodyBytes = this.#declared;
      // From now on there is nothing left, and no second warning.
      this.#declared = -1;
    }
    return (typeof chunk === "string" ? Buffer.from(chunk) : chunk).subarray(0, Math.max(0, left));
  }

  /** Logs what is wrong with the answer. */
  warn(what: string): void {
    this.#log.warning(`The application's answer to ${this.method} ${quoteBytes(this.target)} ${what}`);
  }

  /** Fields to be sent after the body, names and values by turns. */
  trailers(headers: readonly string[]): void {
    this.#trailers = [...this.#trailers, ...withoutConnectionFields(headers)];
  }

  drained(): Promise<void> {
    if (this.#isGone) return Promise.reject(goneError());
    if (this.#flows) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  end(chunk?: Uint8Array | string): void {
    if (this.#isGone || this.#ended) return;
    if (!this.answered) {
      this.warn("has no status that could be the last: it is cut");
      return this.cut();
    }
    if (chunk !== undefined && chunk.length > 0) this.write(chunk);
    if (!this.#bodiless && Number.isFinite(this.#declared) && this.bodyBytes < this.#declared) {
      this.warn(
        `gave ${this.bodyBytes} of the ${this.#declared} bytes that its Content-Length declares: it is cut`,
      );
      return this.cut();
    }
    this.#ended = true;
    this.#transport.end(this.#trailers);
  }

  answerInstead(status: number): void {
    const { reason, headers, body } = standIn(status);
    this.#trailers = [];
    this.head(status, reason, headers);
    this.end(body);
  }

  cut(): void {
    if (this.#isGone || this.#ended) return;
    this.#isCut = true;
    this.#transport.cut();
  }

  whenReleased(pending: boolean, released: () => void): void {
    if (this.#pair !== undefined && !this.#isCut) this.#pair.whenReleased(pending, released);
    else if (!pending) setImmediate(released);
  }

  seal(): void {
    this.#pair?.seal();
  }

  node(): { readonly req: IncomingMessage; readonly res: ServerResponse } {
    this.#pair ??= makePair(this);
    return this.#pair;
  }

  get status(): number {
    return this.#status === 0 ? CLIENT_GONE : this.#status;
  }

  responseHeader(name: string): string | undefined {
    return fieldOf(this.#sent, name);
  }

  /** From the engine: what write() said no to has been sent. */
  flowed(): void {
    if (this.#flows) return;
    this.#flows = true;
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  /** From the engine: the answer is sent, or nobody waits for it any more. */
  close(): void {
    if (this.over) return;
    this.over = true;
    if (!this.#ended) this.#aborter?.abort(goneError());
    for (const { reject } of this.#waiters.splice(0)) reject(goneError());
    this.#pair?.close();
    // Nobody is left to read it; what has not come in never will.
    if (this.#body !== null && !this.#body.readableEnded) this.#body.destroy();
  }
}

function emptyBody(): Readable {
  const body = new Readable({ read: () => undefined });
  body.push(null);
  return body;
}
