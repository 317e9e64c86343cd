// Protocols that have one request on each connection, uwsgi and SCGI: a head, a body of the length that it tells, and an
// answer that ends with the connection.

import type { Readable } from "node:stream";
import type { Engine, EngineOptions } from "../engine.ts";
import { MessageExchange } from "../message/exchange.ts";
import type { Transport } from "../message/transport.ts";
import { type MakeHead, refusalAnswer } from "./answer.ts";
import { Body } from "./body.ts";
import { createGateway } from "./gateway.ts";
import { createGatherer } from "./gather.ts";
import type { Link, Talk } from "./link.ts";
import { type Refusal, WireError } from "./refusal.ts";
import { type CgiRequest, compileReader, type ReadCgi } from "./request.ts";

export interface SingleWire {
  readonly name: string;
  /** How long the head is: see createGatherer(). */
  readonly measure: (bytes: Buffer) => number | undefined;
  /** A whole head's variables, names and values by turns. Throws WireError. */
  readonly decode: (head: Buffer) => readonly string[];
  readonly makeHead: MakeHead;
}

export function createSingle(options: EngineOptions, wire: SingleWire): Engine {
  const read = compileReader(options.config);
  const open = (link: Link): Talk => new SingleTalk(link, options, wire, read);
  return createGateway(options, { name: wire.name, keepalive: 0, open });
}

class SingleTalk implements Talk, Transport {
  readonly carriesMore = false;
  readonly #link: Link;
  readonly #options: EngineOptions;
  readonly #wire: SingleWire;
  readonly #readCgi: ReadCgi;
  readonly #gather: ReturnType<typeof createGatherer>;
  #exchange: MessageExchange | undefined = undefined;
  #body: Body | undefined = undefined;
  /** Bytes of the body that have not come. */
  #missing = 0;

  constructor(link: Link, options: EngineOptions, wire: SingleWire, readCgi: ReadCgi) {
    this.#link = link;
    this.#options = options;
    this.#wire = wire;
    this.#readCgi = readCgi;
    this.#gather = createGatherer(wire.measure);
  }

  read(chunk: Buffer): void {
    if (this.#exchange !== undefined) return this.#feed(chunk);
    this.#link.heads();
    const gathered = this.#gather(chunk);
    if (gathered === undefined) return;
    const request = this.#readCgi(this.#wire.decode(gathered.head), this.#link.peer);
    if ("reason" in request) throw new WireError(request.reason, request.status);
    this.#begin(request, gathered.rest);
  }

  #begin(request: CgiRequest, rest: Buffer): void {
    this.#link.busy();
    this.#missing = request.contentLength ?? 0;
    const exchange = new MessageExchange({
      head: request,
      connection: this.#link,
      transport: this,
      body: this.#makeBody(),
      log: this.#options.log,
    });
    this.#exchange = exchange;
    if (rest.length > 0) this.#feed(rest);
    this.#options.onExchange(exchange);
  }

  #makeBody(): Readable | null {
    if (this.#missing === 0) return null;
    this.#body = new Body({ onWanted: () => void this.#link.stream.resume() });
    return this.#body;
  }

  /** What comes after the body is nobody's. */
  #feed(chunk: Buffer): void {
    const body = this.#body;
    if (this.#missing === 0 || body === undefined) return;
    const piece = chunk.subarray(0, this.#missing);
    this.#missing -= piece.length;
    if (body.destroyed) return;
    const wanted = body.push(piece);
    if (this.#missing === 0) body.push(null);
    // With all of it there, reading on tells whether the client goes away.
    else if (!wanted) this.#link.stream.pause();
  }

  /** uwsgi and SCGI have none. */
  inform(): void {}

  head(status: number, reason: string | undefined, headers: readonly string[]): void {
    const text = this.#wire.makeHead(status, reason, headers);
    this.#link.gather();
    this.#link.stream.write(text, "latin1");
  }

  write(chunk: Uint8Array | string): boolean {
    this.#link.gather();
    return this.#link.stream.write(chunk);
  }

  end(): void {
    this.#link.finish(undefined, () => this.#over());
  }

  cut(): void {
    // Without a length only a reset says that an answer is not whole; with one, Apache's SCGI does not look.
    this.#link.reset();
  }

  #over(): void {
    const exchange = this.#exchange;
    if (exchange === undefined || exchange.over) return;
    exchange.close();
    this.#options.onOver?.(exchange);
  }

  flowed(): void {
    this.#exchange?.flowed();
  }

  last(): void {
    // It always is.
  }

  refuse({ status }: Refusal): void {
    this.#link.finish(refusalAnswer(this.#wire.makeHead, status));
  }

  closed(): void {
    if (this.#missing > 0) this.#body?.breakOff();
    this.#over();
  }
}
