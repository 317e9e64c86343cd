// A FastCGI connection: any number of requests, one after the other or interleaved.

import type { Link, Talk } from "../cgi/link.ts";
import { type Refusal, WireError } from "../cgi/refusal.ts";
import type { ReadCgi } from "../cgi/request.ts";
import type { EngineOptions } from "../engine.ts";
import { decodeParams, encodeParams } from "./params.ts";
import {
  ABORT_REQUEST,
  BEGIN_REQUEST,
  createRecordReader,
  ending,
  GET_VALUES,
  GET_VALUES_RESULT,
  KEEP_CONN,
  OVERLOADED,
  PARAMS,
  RESPONDER,
  type RecordSink,
  record,
  UNKNOWN_ROLE,
  unknownType,
} from "./records.ts";
import { FastcgiRequest } from "./request.ts";

/** How many requests one connection may have in flight. As HTTP/2's usual limit. */
const MOST_REQUESTS = 100;
/**
 * Follows the last answer in the same piece, and says nothing. Where only the end of the connection did, a front that keeps
 * connections could put its next request on this one before it sees that. nginx and Apache don't keep one with something unread.
 */
const NO_MORE = record(GET_VALUES_RESULT, 0, Buffer.alloc(0));

export class FastcgiTalk implements Talk, RecordSink {
  readonly link: Link;
  readonly options: EngineOptions;
  readonly readCgi: ReadCgi;
  readonly #requests = new Map<number, FastcgiRequest>();
  readonly #read: (chunk: Buffer) => void = createRecordReader(this);
  /** Requests whose application is slower than what comes in. */
  #slow = 0;
  #last: boolean;
  /** The front would use the connection again. */
  #kept = false;

  constructor(link: Link, options: EngineOptions, readCgi: ReadCgi) {
    this.link = link;
    this.options = options;
    this.readCgi = readCgi;
    this.#last = !options.keepAlive || options.config.keepalive === 0;
  }

  read(chunk: Buffer): void {
    if (this.link.waiting !== undefined) this.link.heads();
    this.#read(chunk);
  }

  record(type: number, id: number, content: Buffer): void {
    if (id === 0) return this.#manage(type, content);
    switch (type) {
      case BEGIN_REQUEST:
        return this.#begin(id, content);
      case PARAMS:
        return this.#requests.get(id)?.params(content);
      case ABORT_REQUEST:
        return this.#requests.get(id)?.abort();
      default:
      // Of a request that is over or never was, or of a role that is not served: to be ignored.
    }
  }

  stdin(id: number, piece: Buffer): void {
    this.#requests.get(id)?.stdin(piece);
  }

  #begin(id: number, content: Buffer): void {
    if (content.length < 8) throw new WireError("a FastCGI request whose beginning is too short");
    if (this.#requests.has(id)) throw new WireError(`FastCGI request ${id} begins twice`);
    const role = content.readUInt16BE(0);
    const keep = (content.readUInt8(2) & KEEP_CONN) !== 0;
    this.#kept = keep;
    if (role !== RESPONDER) return this.#decline(id, UNKNOWN_ROLE, keep);
    if (this.#requests.size >= MOST_REQUESTS) return this.#decline(id, OVERLOADED, keep);
    this.#last ||= !keep;
    this.#requests.set(id, new FastcgiRequest(id, this));
  }

  #decline(id: number, status: number, keep: boolean): void {
    this.#last ||= !keep;
    this.close(ending(id, 0, status, false));
  }

  /** Records of the connection as a whole: section 4 of the specification. */
  #manage(type: number, content: Buffer): void {
    if (type === BEGIN_REQUEST) throw new WireError("a FastCGI request without an id");
    const answer =
      type === GET_VALUES ? record(GET_VALUES_RESULT, 0, this.#values(content)) : unknownType(type);
    this.#send(answer);
  }

  #values(content: Buffer): Buffer {
    const { workerConnections } = this.options.config;
    const most = this.options.keepAlive ? workerConnections : 1;
    const known = new Map([["FCGI_MPXS_CONNS", "1"]]);
    if (most > 0) known.set("FCGI_MAX_CONNS", String(most)).set("FCGI_MAX_REQS", String(most));
    const asked = decodeParams(content).filter((_, i) => i % 2 === 0);
    return encodeParams(asked.flatMap((name) => (known.has(name) ? [name, known.get(name) ?? ""] : [])));
  }

  /** A request reads slower than it is sent to: nothing more comes in until it has caught up. */
  slow(): void {
    this.#slow++;
    this.link.stream.pause();
  }

  caughtUp(): void {
    if (--this.#slow === 0) this.link.stream.resume();
  }

  /** Sends the end of a request, and with it that of the connection where that was the last. */
  close(end: Uint8Array, request?: FastcgiRequest): void {
    if (request !== undefined) this.#requests.delete(request.id);
    if (this.#last && this.#requests.size === 0)
      return this.link.finish(this.#kept ? Buffer.concat([end, NO_MORE]) : end, () => request?.over());
    this.#send(end, request);
  }

  /** The time until the next request begins when the front has taken what is sent. */
  #send(piece: Uint8Array, request?: FastcgiRequest): void {
    const { link, options } = this;
    if (this.#requests.size === 0) link.sends();
    link.stream.write(piece, () => {
      request?.over();
      if (link.waiting === "sending" && link.stream.writableLength === 0)
        link.wait("next request", options.config.keepalive * 1_000);
    });
  }

  /** True where no other request would be lost with the connection. */
  isAlone(): boolean {
    return this.#requests.size <= 1;
  }

  flowed(): void {
    for (const request of this.#requests.values()) request.flowed();
  }

  last(): void {
    this.#last = true;
  }

  refuse(_refusal: Refusal): void {
    // What is in flight can't be told from what is wrong any more.
    if (this.#requests.size === 0) this.link.finish();
    else this.link.reset();
  }

  closed(): void {
    for (const request of this.#requests.values()) request.gone();
    this.#requests.clear();
  }
}
