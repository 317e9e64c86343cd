// The exchange of a request that asks for another protocol on its connection. Until somebody takes the connection it is
// answered like any other.

import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Upgrade } from "../exchange.ts";
import { goneError } from "../gone.ts";
import { fieldOf } from "../message/fields.ts";
import type { Trust } from "../trust/trust.ts";
import type { Http1Connection } from "./connection.ts";
import { onEnd } from "./end.ts";
import { Http1Exchange } from "./exchange.ts";
import { onFirstWrite, statusIn } from "./first-write.ts";
import { sealResponse } from "./seal.ts";

export interface HandshakeOptions {
  readonly req: IncomingMessage;
  /** Assigned to the socket. */
  readonly res: ServerResponse;
  readonly connection: Http1Connection;
  readonly trust: Trust;
  readonly protocol: string;
  /** What has come in behind the request. */
  readonly rest: Buffer;
  readonly onUpgraded: (handshake: Handshake) => void;
}

export class Handshake extends Http1Exchange {
  readonly protocol: string;
  private readonly onUpgraded: (handshake: Handshake) => void;
  private rest: Buffer;
  /** Version and fields of the request, once that is let go of: in one string, which takes a third of the room. */
  private kept: string | undefined = undefined;
  private taken = false;
  /** Stops looking for the client's end. */
  private unwatch: (() => void) | undefined = undefined;
  /** That of the answer whoever took the connection has written; 0 before. */
  private written = 0;
  private leaver: ((code: number) => void) | undefined = undefined;

  constructor(options: HandshakeOptions) {
    super(options.req, options.res, options.connection, options.trust);
    this.protocol = options.protocol;
    this.rest = options.rest;
    this.onUpgraded = options.onUpgraded;
  }

  override get upgrade(): Upgrade {
    return { protocol: this.protocol, take: (leave) => this.take(leave) };
  }

  private take(leave: ((code: number) => void) | undefined): { socket: Duplex; head: Buffer } {
    const { stream: socket } = this.connection;
    if (this.taken) throw new Error("the connection is taken already");
    if (this.res.headersSent) throw new Error("the request is answered already");
    this.taken = true;
    this.leaver = leave;
    // Before the first write is looked for: what is put upon the socket last is to leave it first.
    this.lookForEnd();
    this.res.detachSocket(socket);
    if (this.aborter !== undefined) this.abortWith(socket, this.aborter);
    onFirstWrite(socket, (first) => this.answeredWith(statusIn(first)));
    const head = this.rest;
    this.rest = NOTHING;
    return { socket, head };
  }

  /** To be called once the application has it: nobody may read the connection meanwhile, so nobody saw its end. */
  watch(): void {
    if (this.written !== 0 || this.over) return;
    this.lookForEnd();
    const { stream: socket } = this.connection;
    // Has it read, without taking anything: what comes is kept for whoever reads it.
    if (socket.readableFlowing === null) socket.read(0);
  }

  private lookForEnd(): void {
    this.unwatch ??= onEnd(this.connection.stream, () => this.clientEnded());
  }

  private clientEnded(): void {
    const { stream: socket } = this.connection;
    // Whoever reads it sees the end itself.
    const unread = socket.readableFlowing === null && socket.listenerCount("readable") === 0;
    if (this.taken ? this.written === 0 && unread : !this.answered) socket.destroy();
  }

  private answeredWith(status: number): void {
    this.written = status;
    this.unwatch?.();
    this.unwatch = undefined;
    if (status !== 101) return;
    this.connection.upgraded = this;
    this.connection.latest = undefined;
    this.letGo();
    this.onUpgraded(this);
  }

  /** Connections stay open for long, and most of them idle: all that is kept is what a log asks for at the end. */
  private letGo(): void {
    const { httpVersion, rawHeaders } = this;
    // None of them can have a line's end in it.
    // A connection that is closed tells no address any more.
    void this.client;
    this.kept = [httpVersion, ...rawHeaders].join("\n");
    spent ??= spentPair();
    this.req = spent.req;
    this.res = spent.res;
  }

  override get httpVersion(): string {
    return this.kept?.split("\n", 1)[0] ?? super.httpVersion;
  }

  override get rawHeaders(): readonly string[] {
    return this.kept === undefined ? super.rawHeaders : this.kept.split("\n").slice(1);
  }

  override header(name: string): string | undefined {
    return this.kept === undefined ? super.header(name) : fieldOf(this.rawHeaders, name);
  }

  override get signal(): AbortSignal {
    if (!this.taken || this.aborter !== undefined) return super.signal;
    const aborter = new AbortController();
    this.aborter = aborter;
    this.abortWith(this.connection.stream, aborter);
    return aborter.signal;
  }

  /** Its response hears nothing of the connection any more. */
  private abortWith(socket: Socket, aborter: AbortController): void {
    if (socket.destroyed) aborter.abort(goneError());
    else socket.once("close", () => aborter.abort(goneError()));
  }

  /** Asks whoever has the connection to end it. Where nobody listens, a WebSocket's other end is asked. */
  leave(code: number): void {
    const { stream: socket } = this.connection;
    if (this.leaver !== undefined) this.leaver(code);
    else if (this.protocol === "websocket" && socket.writable) socket.write(closeFrame(code));
  }

  override get answered(): boolean {
    return this.taken || super.answered;
  }

  override cut(): void {
    if (this.connection.upgraded === this && this.leaver !== undefined) this.leaver(1011);
    else if (this.taken) this.connection.stream.destroy();
    else super.cut();
  }

  /** It never waits, and whoever has the connection is told by that itself. */
  override connectionClosed(): void {}

  override whenReleased(pending: boolean, released: () => void): void {
    if (!this.taken) super.whenReleased(pending, released);
    else if (!pending) setImmediate(released);
  }

  protected override get listeners(): number {
    return super.listeners - 1;
  }

  override get status(): number {
    return this.written === 0 ? super.status : this.written;
  }
}

const NOTHING = Buffer.alloc(0);

/** Stands for the request and the response of all that have let go of theirs. */
let spent: { readonly req: IncomingMessage; readonly res: ServerResponse } | undefined;

function spentPair(): NonNullable<typeof spent> {
  const req = new IncomingMessage(new Socket());
  const res = new ServerResponse(req);
  sealResponse(res);
  return { req, res };
}

/**
 * A server's close frame: RFC 6455, section 5.5.1. Frames are written whole by who writes them in one turn of the event
 * loop, as ws does, so that this one comes to stand between two.
 */
function closeFrame(code: number): Buffer {
  return Buffer.from([0x88, 2, code >> 8, code & 0xff]);
}
