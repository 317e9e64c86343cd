// An Exchange over node's pair. Thin: nothing is worked out before somebody asks.

import type { IncomingMessage, ServerResponse } from "node:http";
import { performance } from "node:perf_hooks";
import type { Readable } from "node:stream";
import type { Endpoint, Exchange, Upgrade } from "../exchange.ts";
import { CLIENT_GONE, goneError } from "../gone.ts";
import { whenReleased } from "../released.ts";
import { rememberAbort } from "../signal.ts";
import type { Trust } from "../trust/trust.ts";
import type { Http1Connection } from "./connection.ts";
import { turnDeaf } from "./deaf.ts";
import { answerInstead } from "./instead.ts";
import { bodyBytesOf } from "./response.ts";
import { sealResponse } from "./seal.ts";

export const exchangeOf: unique symbol = Symbol("exchange");

declare module "node:http" {
  interface ServerResponse {
    [exchangeOf]?: Http1Exchange;
  }
}

export class Http1Exchange implements Exchange {
  /** These two are let go of where the connection becomes another protocol's. */
  req: IncomingMessage;
  res: ServerResponse;
  /** As they were sent: routers take what they mount off `req.url`, and some set `req.method`. */
  readonly method: string;
  readonly target: string;
  readonly connection: Http1Connection;
  readonly startedAt: number;
  /** The exchange before it on a pipelined connection, where that was not over when this one came. */
  previous: Http1Exchange | undefined;
  over = false;
  extraTime = 0;
  environ: Readonly<Record<string, unknown>> | undefined = undefined;
  place = -1;
  private readonly trust: Trust;
  private knownClient: Endpoint | undefined = undefined;
  private trailing: readonly string[] | undefined = undefined;
  protected aborter: AbortController | undefined = undefined;
  private abortedBy: Error | undefined = undefined;

  constructor(req: IncomingMessage, res: ServerResponse, connection: Http1Connection, trust: Trust) {
    this.req = req;
    this.res = res;
    this.method = req.method ?? "";
    this.target = req.url ?? "";
    this.connection = connection;
    this.trust = trust;
    this.startedAt = performance.now();
    this.previous = connection.latest;
  }

  get httpVersion(): string {
    return this.req.httpVersion;
  }

  get rawHeaders(): readonly string[] {
    return this.req.rawHeaders;
  }

  header(name: string): string | undefined {
    const value = this.req.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  get scheme(): "http" | "https" {
    return this.trust.scheme(this.connection, this.rawHeaders);
  }

  get clientAtHand(): Endpoint | number {
    if (this.knownClient !== undefined || this.trust.mayName(this.rawHeaders)) return this.client;
    return this.connection.peerAtHand;
  }

  get client(): Endpoint {
    this.knownClient ??= this.trust.client(this.connection, this.rawHeaders);
    return this.knownClient;
  }

  get scriptName(): string {
    return this.trust.scriptName(this.connection, this.rawHeaders);
  }

  get pathInfo(): string | undefined {
    return undefined;
  }

  get variables(): undefined {
    return undefined;
  }

  get body(): Readable {
    return this.req;
  }

  get upgrade(): Upgrade | undefined {
    return undefined;
  }

  get signal(): AbortSignal {
    if (this.aborter === undefined) {
      const aborter = new AbortController();
      this.aborter = aborter;
      const closed = (): void => {
        if (!this.res.writableFinished) aborter.abort(goneError());
      };
      if (this.abortedBy !== undefined) aborter.abort(this.abortedBy);
      else if (this.over || this.res.destroyed) closed();
      this.res.once("close", closed);
    }
    return this.aborter.signal;
  }

  abort(reason: Error): void {
    this.abortedBy = reason;
    rememberAbort(this.req, reason);
    this.aborter?.abort(reason);
  }

  get carriesMore(): boolean {
    return this.req.httpVersionMinor > 0;
  }

  get answered(): boolean {
    return this.res.headersSent;
  }

  get complete(): boolean {
    return this.res.writableEnded;
  }

  inform(status: number, headers: readonly string[]): void {
    const { res } = this;
    // Clients of HTTP/1.0 know nothing of it: RFC 9110, section 15.2.
    if (this.over || res.headersSent || !this.carriesMore) return;
    if (status === 102) res.writeProcessing();
    else if (status === 103) res.writeEarlyHints(grouped(headers));
  }

  head(status: number, reason: string | undefined, headers: readonly string[]): void {
    // What an application set before it failed is no part of the answer to that.
    for (const name of this.res.getHeaderNames()) this.res.removeHeader(name);
    if (reason === undefined) this.res.writeHead(status, [...headers]);
    else this.res.writeHead(status, reason, [...headers]);
  }

  write(chunk: Uint8Array | string): boolean {
    return this.res.write(chunk);
  }

  drained(): Promise<void> {
    const { res } = this;
    return new Promise((resolve, reject) => {
      if (this.over || res.destroyed) return reject(goneError());
      if (!res.writableNeedDrain) return resolve();
      const onDrain = (): void => {
        res.off("close", onClose);
        resolve();
      };
      const onClose = (): void => {
        res.off("drain", onDrain);
        reject(goneError());
      };
      res.once("drain", onDrain);
      res.once("close", onClose);
    });
  }

  /** Node leaves them out where the body is not chunked. */
  trailers(headers: readonly string[]): void {
    // Node has those of the last call only.
    this.trailing = this.trailing === undefined ? headers : [...this.trailing, ...headers];
    this.res.addTrailers(pairs(this.trailing));
  }

  end(chunk?: Uint8Array | string): void {
    if (chunk === undefined) this.res.end();
    else this.res.end(chunk);
  }

  answerInstead(status: number): void {
    try {
      answerInstead(this.res, status);
    } catch {
      // An application can break a response also for the server.
      this.cut();
    }
  }

  cut(): void {
    const { res } = this;
    const { socket, stream } = this.connection;
    // It is complete: there is nothing left to cut.
    if (res.writableEnded) return;
    if (this.previous !== undefined && this.waits) return this.cutAfter(this.previous.res);
    // Where the end of the connection is the end of the body, only a reset tells the client that it isn't whole.
    const closeDelimited =
      res.headersSent && !res.chunkedEncoding && responseField(res, "content-length") === undefined;
    if (closeDelimited && socket.localAddress !== undefined) socket.resetAndDestroy();
    else stream.destroy();
  }

  /** An earlier answer is due on the connection: nothing of this one has gone out. */
  get waits(): boolean {
    return this.previous?.over === false && this.res.socket === null;
  }

  /** Makes the answer before it the last: whoever asked for that is not to lose it. */
  private cutAfter(last: ServerResponse): void {
    turnDeaf(this.connection);
    last.shouldKeepAlive = false;
    // Its head may have gone out already: this is how node knows.
    Reflect.set(last, "_last", true);
    this.res.destroy();
  }

  /** To be called when the connection is closed. Node tells a response of that which has its turn, and no other. */
  connectionClosed(): void {
    const { res } = this;
    if (res.socket !== null || res.writableFinished) return;
    res.destroy();
    // As node does it: otherwise who asks later takes it for open.
    Reflect.set(res, "_closed", true);
    res.emit("close");
  }

  whenReleased(pending: boolean, released: () => void): void {
    const { stream } = this.connection;
    // A client that leaves is read as an end or an error. Otherwise this side has closed: the application, or for it.
    const closedHere = !stream.readableEnded && stream.errored === null;
    if (closedHere && !pending) setImmediate(released);
    else whenReleased({ req: this.req, res: this.res, own: this.listeners }, pending, released);
  }

  /** How many of the server's listen for the end of the response. */
  protected get listeners(): number {
    return this.aborter === undefined ? 1 : 2;
  }

  seal(): void {
    sealResponse(this.res);
  }

  /** The pair itself: no object is made for it. */
  node(): this {
    return this;
  }

  get status(): number {
    return this.over && !this.res.headersSent ? CLIENT_GONE : this.res.statusCode;
  }

  get bodyBytes(): number {
    return bodyBytesOf(this.res);
  }

  responseHeader(name: string): string | undefined {
    return responseField(this.res, name);
  }
}

function pairs(headers: readonly string[]): [name: string, value: string][] {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) list.push([headers[i] ?? "", headers[i + 1] ?? ""]);
  return list;
}

function grouped(headers: readonly string[]): Record<string, string | string[]> {
  const groups: Record<string, string[]> = {};
  for (const [name, value] of pairs(headers)) {
    const group = groups[name.toLowerCase()];
    if (group === undefined) groups[name.toLowerCase()] = [value];
    else group.push(value);
  }
  return groups;
}

/** A field of the head as it was sent: writeHead() with a list leaves getHeader() with nothing. */
function responseField(res: ServerResponse, name: string): string | undefined {
  const head: unknown = "_header" in res ? res._header : undefined;
  if (typeof head !== "string") {
    const value = res.getHeader(name);
    return value === undefined ? undefined : Array.isArray(value) ? value.join(", ") : String(value);
  }
  const values: string[] = [];
  for (const line of head.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon === name.length && line.slice(0, colon).toLowerCase() === name)
      values.push(line.slice(colon + 1).trim());
  }
  return values.length === 0 ? undefined : values.join(", ");
}
