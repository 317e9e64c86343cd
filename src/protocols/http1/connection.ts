// What is known of a connection, found out once and only when somebody asks: each fact is a system call.

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { descriptorOf, isUnixSocket } from "../../os/descriptor.ts";
import { CONNECTION, type Connection, type Endpoint } from "../exchange.ts";
import { toldOf } from "../proxy/told.ts";
import type { Networks } from "../trust/networks.ts";
import type { Http1Exchange } from "./exchange.ts";
import type { Handshake } from "./handshake.ts";

export const connectionOf: typeof CONNECTION = CONNECTION;

declare module "node:net" {
  interface Socket {
    [connectionOf]?: Http1Connection;
  }
}

export class Http1Connection implements Connection {
  readonly socket: Socket;
  /** HTTP is spoken on it: what was accepted, or TLS over that. */
  readonly stream: Socket;
  /** The last exchange that was begun and is neither over nor `upgraded`. */
  latest: Http1Exchange | undefined = undefined;
  /** Requests whose head has come. */
  asked = 0;
  /** The exchange by which it has become another protocol's. */
  upgraded: Handshake | undefined = undefined;
  /** The next answer is to be its last. */
  lastAnswer = false;
  /** Nothing more that comes in on it is looked at. */
  deaf = false;
  /** Whether the application listens for the time limit it has set itself. */
  hearsTimeout = false;
  /** Its place in the list of open connections; -1 where it is not in there. */
  place = -1;
  private readonly trusts: Networks;
  /** Whether it came by a Unix socket: nobody can tell once it is closed. */
  private readonly unix: boolean;
  private knownPeer: Endpoint | undefined = undefined;
  private descriptor: number | undefined = undefined;
  private knownLocal: Endpoint | undefined = undefined;
  private knownTrusted: boolean | undefined = undefined;

  constructor(stream: Socket, accepted: Socket, trusts: Networks) {
    this.stream = stream;
    this.socket = accepted;
    this.trusts = trusts;
    this.unix = isUnixSocket(accepted);
  }

  /** The exchange of a request; undefined once that is over. */
  exchangeOf(req: IncomingMessage): Http1Exchange | undefined {
    for (let one = this.latest; one !== undefined; one = one.previous) if (one.req === req) return one;
    // That has let go of its request. Node marks those that were handed over.
    return this.upgraded !== undefined && Reflect.get(req, "upgrade") === true ? this.upgraded : undefined;
  }

  get encrypted(): boolean {
    return this.stream !== this.socket;
  }

  get tls(): TLSSocket | undefined {
    return isTls(this.stream) ? this.stream : undefined;
  }

  get peer(): Endpoint {
    this.knownPeer ??= { address: this.socket.remoteAddress ?? "", port: this.socket.remotePort };
    return this.knownPeer;
  }

  /** The socket's descriptor where only the system knows it yet. */
  get peerAtHand(): Endpoint | number {
    if (this.knownPeer !== undefined) return this.knownPeer;
    if (this.descriptor !== undefined) return this.descriptor;
    if (toldOf(this.socket) !== undefined) return this.peer;
    this.descriptor = descriptorOf(this.socket);
    return this.descriptor;
  }

  get local(): Endpoint {
    this.knownLocal ??= { address: this.socket.localAddress ?? "", port: this.socket.localPort };
    return this.knownLocal;
  }

  get trusted(): boolean {
    this.knownTrusted ??= this.trusts(this.peer.address, this.unix);
    return this.knownTrusted;
  }
}

/** By what it can do: to name the class would load node:tls in servers without. */
const isTls = (socket: Socket): socket is TLSSocket => "getPeerX509Certificate" in socket;
