// The answer of an ASGI application: what its messages have said, and what has been sent of it.

import { inspect } from "node:util";
import type { Exchange } from "../../protocols/exchange.ts";
import { firstBytes, isBodiless } from "../answer.ts";
import { asText, checkFields } from "../fields.ts";
import { ClientGone } from "./gone.ts";

const NOTHING = new Uint8Array(0);

/** A message, whose keys are checked as they are read. */
export type Given = Readonly<Record<string, unknown>>;

type Phase = "start" | "body" | "trailers" | "complete";

/** Fields that no trailer may carry: they say how the message itself is to be read. RFC 9110, section 6.5.1. */
const NO_TRAILERS = new Set(["content-length", "content-type", "content-encoding", "content-range", "host"]);

export class AsgiResponse {
  phase: Phase = "start";
  readonly #exchange: Exchange;
  readonly #warn: (message: string) => void;
  /** Before the names of the messages: a WebSocket that is refused is told otherwise. */
  readonly #prefix: string;
  #status = 0;
  #headers: string[] = [];
  #declared: number | undefined = undefined;
  #bodiless = false;
  #trailers = false;
  #headSent = false;
  #bodySent = 0;
  #warned = false;

  constructor(exchange: Exchange, warn: (message: string) => void, prefix = "http.response.") {
    this.#exchange = exchange;
    this.#warn = warn;
    this.#prefix = prefix;
  }

  /** True once http.response.start has been accepted. */
  get begun(): boolean {
    return this.#status !== 0;
  }

  /** `type` is that of the message without its prefix. Throws for what is out of place or wrong. */
  async take(type: string, event: Given): Promise<void> {
    switch (type) {
      case "start":
        return this.#start(event);
      case "body":
        return this.#body(event);
      case "trailers":
        return this.#trailersOf(event);
      case "early_hint":
        return this.#earlyHint(event);
      case "pathsend":
        return this.#path(event);
      default:
        throw new Error(`send(): there is no message ${inspect(event.type)}`);
    }
  }

  #start({ status, headers = [], trailers = false }: Given): void {
    this.#demand("start", "start");
    const where = `${this.#prefix}start`;
    if (typeof status !== "number" || !Number.isInteger(status) || status < 200 || status > 999) {
      throw new Error(`${where}: ${inspect(status)} is no status from 200 on`);
    }
    const { list, length, trailer } = checkFields(headers, status, where, true);
    this.#status = status;
    this.#headers = list;
    this.#declared = length;
    this.#trailers = trailers === true;
    this.#bodiless = isBodiless(this.#exchange.method, status);
    // Nothing follows a body that its length ends, or that has no chunks: RFC 9112, section 7.1.2.
    const canFollow = !this.#bodiless && length === undefined && this.#exchange.carriesMore;
    if (trailer !== undefined && this.#trailers && canFollow) list.push("Trailer", trailer);
    this.phase = "body";
  }

  async #body({ body: given = NOTHING, more_body: more = false }: Given): Promise<void> {
    this.#demand("body", "body");
    // Node would send a head of latin-1 together with a string as UTF-8.
    const body = typeof given === "string" ? Buffer.from(given) : given;
    if (!(body instanceof Uint8Array)) {
      throw new TypeError(
        `${this.#prefix}body: the body is ${inspect(body, { depth: 0 })}: bytes or a string are needed`,
      );
    }
    if (more === true) {
      // Empty pieces still mean that the head is to go out: a stream of events may wait for its first.
      this.#sendHead(undefined);
      return await this.#write(body);
    }
    const piece = this.#allowed(body);
    this.#checkComplete();
    this.#sendHead(this.#trailers || this.#headSent ? undefined : piece.length);
    if (!this.#trailers) return this.#end(piece);
    this.phase = "trailers";
    if (piece.length > 0 && !this.#bodiless) this.#exchange.write(piece);
  }

  async #write(body: Uint8Array): Promise<void> {
    const piece = this.#allowed(body);
    if (this.#exchange.signal.aborted) throw new ClientGone();
    if (piece.length === 0 || this.#bodiless) return;
    if (!this.#exchange.write(piece)) {
      await this.#exchange.drained().catch(() => {
        throw new ClientGone();
      });
    }
  }

  #end(piece: Uint8Array): void {
    this.phase = "complete";
    if (piece.length > 0 && !this.#bodiless) this.#exchange.end(piece);
    else this.#exchange.end();
  }

  #trailersOf({ headers = [], more_trailers: more = false }: Given): void {
    this.#demand("trailers", "trailers");
    const { list } = checkFields(headers, this.#status, `${this.#prefix}trailers`, true);
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i] ?? "";
      if (NO_TRAILERS.has(name.toLowerCase()))
        throw new Error(`${this.#prefix}trailers: ${name} can't be a trailer`);
    }
    if (list.length > 0 && !this.#bodiless) this.#exchange.trailers(list);
    if (more !== true) this.#end(NOTHING);
  }

  #earlyHint({ links }: Given): void {
    this.#demand("early_hint", "start");
    if (!Array.isArray(links)) throw new TypeError(`${this.#prefix}early_hint: links is not an array`);
    const { list } = checkFields(
      links.map((link: unknown) => ["Link", asText(link)]),
      103,
      `${this.#prefix}early_hint`,
    );
    if (list.length > 0) this.#exchange.inform(103, list);
  }

  async #path({ path }: Given): Promise<void> {
    this.#demand("pathsend", "body");
    if (this.#bodySent > 0) throw new Error(`${this.#prefix}pathsend: a part of the body is sent already`);
    const { isAbsolute } = await import("node:path");
    const { open } = await import("node:fs/promises");
    if (typeof path !== "string" || !isAbsolute(path)) {
      throw new Error(`${this.#prefix}pathsend: ${inspect(path)} is no absolute path`);
    }
    const file = await open(path);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new Error(`${this.#prefix}pathsend: ${path} is no file`);
      // Files of /proc and /sys say 0, and have something to read all the same.
      this.#sendHead(this.#trailers || stat.size === 0 ? undefined : stat.size);
      if (!this.#bodiless) {
        for await (const piece of file.createReadStream({ autoClose: false })) {
          if (piece instanceof Uint8Array) await this.#write(piece);
        }
      }
    } finally {
      await file.close();
    }
    this.#checkComplete();
    if (this.#trailers) this.phase = "trailers";
    else this.#end(NOTHING);
  }

  #demand(type: string, phase: Phase): void {
    if (this.phase === phase) return;
    const why: Readonly<Record<Phase, string>> = {
      start: `${this.#prefix}start has to come first`,
      body: `after ${this.#prefix}start comes ${this.#prefix}body`,
      trailers: `the body is complete, and ${this.#prefix}trailers was announced`,
      complete: "the answer is complete",
    };
    throw new Error(`send(): ${this.#prefix}${type} is out of place: ${why[this.phase]}`);
  }

  /** Sends the head unless it is sent; `length` is that of the whole body, where it is known. */
  #sendHead(length: number | undefined): void {
    if (this.#headSent) return;
    // An answer to HEAD tells what GET's would be, unless the application spared itself making that.
    const declare = !this.#bodiless || (this.#exchange.method === "HEAD" && (length ?? 0) > 0);
    const empty = this.#status === 204 || this.#status === 304;
    if (this.#declared === undefined && length !== undefined && declare && !empty) {
      this.#headers.push("content-length", String(length));
      this.#declared = length;
    }
    this.#headSent = true;
    this.#exchange.head(this.#status, undefined, this.#headers);
  }

  #allowed(chunk: Uint8Array): Uint8Array {
    const { length } = chunk;
    this.#bodySent += length;
    if (this.#bodiless || this.#declared === undefined || this.#bodySent <= this.#declared) return chunk;
    if (!this.#warned) {
      this.#warn(
        `The application's answer to ${this.#exchange.method} ${this.#exchange.target} gave more than the ${this.#declared} bytes that its Content-Length declares: the rest is left out`,
      );
    }
    this.#warned = true;
    return firstBytes(chunk, Math.max(0, this.#declared - (this.#bodySent - length)));
  }

  #checkComplete(): void {
    if (this.#bodiless || this.#declared === undefined || this.#bodySent >= this.#declared) return;
    throw new Error(
      `the body has ${this.#bodySent} of the ${this.#declared} bytes that its Content-Length declares`,
    );
  }
}
