// The answer of a WSGI application: what startResponse was told, and what has been sent of it.

import { inspect } from "node:util";
import type { Exchange } from "../../protocols/exchange.ts";
import { byteLength, firstBytes, isBodiless } from "../answer.ts";
import { checkFields } from "../fields.ts";
import type { Write } from "../wsgi.ts";

const STATUS = /^([2-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

export class WsgiResponse {
  readonly #exchange: Exchange;
  readonly #warn: (message: string) => void;
  #status = 0;
  #reason: string | undefined;
  #headers: string[] = [];
  #declared: number | undefined;
  #bodiless = false;
  #headSent = false;
  #bodySent = 0;
  /** True once more has been given than was declared. */
  overflowed = false;

  constructor(exchange: Exchange, warn: (message: string) => void) {
    this.#exchange = exchange;
    this.#warn = warn;
  }

  /** PEP 3333's start_response, bound. */
  readonly start = (
    status: string,
    headers: readonly (readonly [string, string])[],
    excInfo?: unknown,
  ): Write => {
    if (excInfo !== undefined && excInfo !== null) {
      if (this.#headSent) throw excInfo;
    } else if (this.#status !== 0) {
      throw new Error("startResponse() was called already; once more is allowed with excInfo only");
    }
    const [code, reason] = parseStatus(status);
    const checked = checkFields(headers, code, "startResponse()");
    this.#status = code;
    this.#reason = reason;
    this.#headers = checked.list;
    this.#declared = checked.length;
    this.#bodiless = isBodiless(this.#exchange.method, code);
    return this.#write;
  };

  readonly #write: Write = (data) => (this.wants(data) ? this.send(data) : true);

  /** True for a piece that has anything in it. Throws for what is no piece. */
  wants(chunk: unknown): chunk is string | Uint8Array {
    if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) {
      throw new TypeError(
        `the application gave ${inspect(chunk, { depth: 0 })} as a piece of the body: strings or bytes are needed`,
      );
    }
    return chunk.length > 0;
  }

  get headSent(): boolean {
    return this.#headSent;
  }

  /** True where no further piece would be sent. */
  get complete(): boolean {
    return this.overflowed || (this.#headSent && this.#bodiless);
  }

  /** Sends a piece, the head before the first. False where the client is slower. */
  send(chunk: string | Uint8Array): boolean {
    this.#sendHead(undefined);
    if (this.#bodiless) return true;
    const piece = this.#allowed(chunk);
    return piece.length === 0 || this.#exchange.write(piece);
  }

  /** Sends a body that is all there, with its length if none was declared. */
  sendWhole(chunks: readonly (string | Uint8Array)[]): void {
    const length = chunks.reduce((sum, chunk) => sum + byteLength(chunk), 0);
    this.#checkComplete(length);
    this.#sendHead(length);
    const last = chunks.length - 1;
    for (const [index, chunk] of chunks.entries()) {
      const piece = this.#bodiless ? "" : this.#allowed(chunk);
      if (index === last) return this.#exchange.end(piece);
      if (piece.length > 0) this.#exchange.write(piece);
    }
    this.#exchange.end();
  }

  /** Ends the answer. Throws where less was sent than declared: then it must not look whole. */
  finish(): void {
    this.#checkComplete(this.#bodySent);
    this.#sendHead(0);
    this.#exchange.end();
  }

  /** Sends the head unless it is sent; `length` is that of the whole body, where it is known. */
  #sendHead(length: number | undefined): void {
    if (this.#headSent) return;
    if (this.#status === 0) throw new Error("the application gave a body without calling startResponse()");
    if (this.#declared === undefined && length !== undefined && this.#mayDeclare(length)) {
      this.#headers.push("Content-Length", String(length));
      this.#declared = length;
    }
    this.#headSent = true;
    this.#exchange.head(this.#status, this.#reason, this.#headers);
  }

  /** An answer to HEAD tells what GET's would be, unless the application spared itself making that. */
  #mayDeclare(length: number): boolean {
    return (
      !this.#bodiless ||
      (this.#exchange.method === "HEAD" && length > 0 && this.#status !== 204 && this.#status !== 304)
    );
  }

  #allowed(chunk: string | Uint8Array): string | Uint8Array {
    const length = byteLength(chunk);
    this.#bodySent += length;
    if (this.#declared === undefined || this.#bodySent <= this.#declared) return chunk;
    if (!this.overflowed) {
      this.#warn(
        `${this.#told()} gave more than the ${this.#declared} bytes that its Content-Length declares: the rest is left out`,
      );
    }
    this.overflowed = true;
    return firstBytes(chunk, Math.max(0, this.#declared - (this.#bodySent - length)));
  }

  #checkComplete(length: number): void {
    if (this.#bodiless || this.#declared === undefined || length >= this.#declared) return;
    throw new Error(`the body has ${length} of the ${this.#declared} bytes that its Content-Length declares`);
  }

  #told(): string {
    return `The application's answer to ${this.#exchange.method} ${this.#exchange.target}`;
  }
}

function parseStatus(status: unknown): [code: number, reason: string | undefined] {
  const match = typeof status === "string" ? STATUS.exec(status) : null;
  if (match === null) throw new Error(`startResponse(): ${inspect(status)} is no status like "200 OK"`);
  return [Number(match[1]), match[2]];
}
