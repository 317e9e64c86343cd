// One request of a FastCGI connection, and its answer.

import type { Readable } from "node:stream";
import { cgiHead, refusalAnswer } from "../cgi/answer.ts";
import { Body } from "../cgi/body.ts";
import { type Refusal, WireError } from "../cgi/refusal.ts";
import type { CgiRequest } from "../cgi/request.ts";
import { largestHead } from "../http1/rules.ts";
import { MessageExchange } from "../message/exchange.ts";
import type { MessageHead, Transport } from "../message/transport.ts";
import { decodeParams } from "./params.ts";
import { ending, REQUEST_COMPLETE, record, STDERR, STDOUT, stream } from "./records.ts";
import type { FastcgiTalk } from "./talk.ts";

/** Output of one turn of the event loop goes out together, up to this many bytes. */
const MOST_HELD = 16_384;
/** nginx takes an answer whose end is missing for whole where the connection is closed, but not what is no record. */
const NO_RECORD = Buffer.alloc(8);
/** What appStatus says of a request that was not answered. */
const FAILED = 1;

export class FastcgiRequest implements Transport {
  readonly carriesMore = false;
  readonly id: number;
  readonly #talk: FastcgiTalk;
  #block: Buffer[] = [];
  #blockSize = 0;
  /** Known, but whether there is a body is not. */
  #head: CgiRequest | undefined = undefined;
  #exchange: MessageExchange | undefined = undefined;
  #body: Body | undefined = undefined;
  #received = 0;
  #slow = false;
  #held: Uint8Array[] = [];
  #heldSize = 0;
  #begun = false;

  constructor(id: number, talk: FastcgiTalk) {
    this.id = id;
    this.#talk = talk;
  }

  /** A piece of the variables; empty, their end. */
  params(content: Buffer): void {
    if (this.#head !== undefined) return;
    const { options, readCgi, link } = this.#talk;
    if (content.length > 0) {
      this.#blockSize += content.length;
      if (this.#blockSize > largestHead(options.config)) {
        return this.#refuse({ status: 431, reason: "FastCGI parameters are too large" });
      }
      this.#block.push(content);
      return;
    }
    const request = this.#decode(Buffer.concat(this.#block));
    this.#block = [];
    if ("reason" in request) return this.#refuse(request);
    const read = readCgi(request.pairs, link.peer);
    if ("reason" in read) return this.#refuse(read);
    this.#head = read;
    if (read.contentLength !== undefined) this.#begin(read, read.contentLength > 0);
  }

  #decode(block: Buffer): { pairs: readonly string[] } | Refusal {
    try {
      return { pairs: decodeParams(block) };
    } catch (error) {
      if (error instanceof WireError) return error.refusal;
      throw error;
    }
  }

  #begin(head: MessageHead, hasBody: boolean): void {
    const { link, options } = this.#talk;
    link.busy();
    const exchange = new MessageExchange({
      head,
      connection: link,
      transport: this,
      body: this.#makeBody(hasBody),
      log: options.log,
    });
    this.#exchange = exchange;
    options.onExchange(exchange);
  }

  #makeBody(hasBody: boolean): Readable | null {
    if (!hasBody) return null;
    this.#body = new Body({ onWanted: () => this.#wanted() });
    return this.#body;
  }

  #wanted(): void {
    if (!this.#slow) return;
    this.#slow = false;
    this.#talk.caughtUp();
  }

  /** A piece of the body; empty, its end. */
  stdin(piece: Buffer): void {
    const head = this.#head;
    if (head === undefined) return;
    const length = head.contentLength;
    if (this.#exchange === undefined && length === undefined)
      this.#begin(framed(head, piece), piece.length > 0);
    const body = this.#body;
    if (body === undefined || body.destroyed) return;
    if (piece.length === 0) {
      if (length === undefined || this.#received >= length) body.push(null);
      else this.#brokeOff(length);
      return;
    }
    const rest = length === undefined ? piece : piece.subarray(0, length - this.#received);
    this.#received += rest.length;
    if (rest.length > 0 && !body.push(rest) && !this.#slow) {
      this.#slow = true;
      this.#talk.slow();
    }
  }

  #brokeOff(length: number): void {
    const { link, options } = this.#talk;
    options.log.warning(
      `Invalid request from ip=${link.peer.address}: a body of ${this.#received} bytes, where CONTENT_LENGTH is ${length}`,
    );
    this.#body?.breakOff();
    this.abort();
  }

  /** The front wants no answer any more. */
  abort(): void {
    this.#body?.breakOff();
    this.#drop(ending(this.id, FAILED, REQUEST_COMPLETE, false));
  }

  #drop(end: Buffer): void {
    this.#held = [];
    this.over();
    this.#talk.close(end, this);
  }

  #refuse({ status, reason }: Refusal): void {
    const { link, options } = this.#talk;
    options.log.warning(`Invalid request from ip=${link.peer.address}: ${reason}`);
    const answer = Buffer.from(refusalAnswer(cgiHead, status), "latin1");
    this.#talk.close(
      Buffer.concat([
        record(STDERR, this.id, Buffer.from(`refused: ${reason}`)),
        record(STDOUT, this.id, answer),
        ending(this.id, FAILED, REQUEST_COMPLETE, true),
      ]),
      this,
    );
  }

  /** CGI has none. */
  inform(): void {}

  head(status: number, reason: string | undefined, headers: readonly string[]): void {
    this.#hold(Buffer.from(cgiHead(status, reason, headers), "latin1"));
  }

  write(chunk: Uint8Array | string): boolean {
    this.#hold(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    if (this.#heldSize > MOST_HELD) this.#flush();
    return !this.#talk.link.stream.writableNeedDrain;
  }

  #hold(piece: Uint8Array): void {
    if (this.#held.length === 0) queueMicrotask(this.#flush);
    this.#held.push(piece);
    this.#heldSize += piece.length;
  }

  readonly #flush = (): void => {
    const content = this.#taken();
    if (content.length === 0) return;
    const { link } = this.#talk;
    link.gather();
    for (const buffer of stream(STDOUT, this.id, content)) link.stream.write(buffer);
    this.#begun = true;
  };

  #taken(): Uint8Array {
    const [only] = this.#held;
    const content = this.#held.length === 1 && only !== undefined ? only : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldSize = 0;
    return content;
  }

  end(): void {
    const end = ending(this.id, 0, REQUEST_COMPLETE, true);
    const content = this.#taken();
    if (content.length === 0) return this.#talk.close(end, this);
    const { link } = this.#talk;
    link.gather();
    const buffers = stream(STDOUT, this.id, content);
    // The usual answer is one record, and goes out as one piece with its end.
    const [only] = buffers;
    if (buffers.length === 1 && only !== undefined) return this.#talk.close(Buffer.concat([only, end]), this);
    for (const buffer of buffers) link.stream.write(buffer);
    this.#talk.close(end, this);
  }

  cut(): void {
    const { link } = this.#talk;
    const message = record(STDERR, this.id, Buffer.from("the answer broke off"));
    // Without its end no front takes it for whole. Where others are in flight, the status has to say so.
    if (!this.#talk.isAlone()) {
      return this.#drop(Buffer.concat([message, ending(this.id, FAILED, REQUEST_COMPLETE, false)]));
    }
    if (this.#begun) link.reset(NO_RECORD);
    else this.#drop(Buffer.concat([message, ending(this.id, FAILED, REQUEST_COMPLETE, false)]));
  }

  flowed(): void {
    this.#exchange?.flowed();
  }

  /** The answer is sent, or nobody waits for it. */
  over(): void {
    const exchange = this.#exchange;
    if (exchange === undefined || exchange.over) return;
    exchange.close();
    this.#wanted();
    this.#talk.options.onOver?.(exchange);
  }

  /** The connection is closed. */
  gone(): void {
    this.#body?.breakOff();
    this.over();
  }
}

/** A body of unknown length is told the way HTTP/1.1 does, which is where applications look. */
function framed(head: CgiRequest, piece: Buffer): MessageHead {
  if (piece.length === 0) return head;
  const { method, target, httpVersion, scheme, client, scriptName, pathInfo, variables } = head;
  const rawHeaders = [...head.rawHeaders, "Transfer-Encoding", "chunked"];
  return { method, target, httpVersion, rawHeaders, scheme, client, scriptName, pathInfo, variables };
}
