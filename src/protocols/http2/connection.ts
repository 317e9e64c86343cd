// One HTTP/2 connection: what is known of it, and what it may do.

import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { isUnixSocket } from "../../os/descriptor.ts";
import type { Connection, Endpoint } from "../exchange.ts";
import type { Networks } from "../trust/networks.ts";

export interface Http2ConnectionOptions {
  readonly session: ServerHttp2Session;
  /** HTTP/2 is spoken on it: what was accepted, or TLS over that. */
  readonly stream: Socket;
  readonly accepted: Socket;
  readonly trusts: Networks;
}

export class Http2Connection implements Connection {
  readonly session: ServerHttp2Session;
  readonly socket: Socket;
  readonly stream: Socket;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  readonly trusted: boolean;
  readonly encrypted: boolean;
  readonly tls: TLSSocket | undefined;
  /** Requests under way. */
  open = 0;
  /** Requests that the client has broken off since `resetsSince`. */
  resets = 0;
  resetsSince = 0;
  /** How often in a row it looked broken. */
  stuck = 0;
  /** Told to come no more. */
  leaving = false;
  /** Ends it when it has been idle for too long. */
  timer: NodeJS.Timeout | undefined = undefined;

  constructor({ session, stream, accepted, trusts }: Http2ConnectionOptions) {
    this.session = session;
    this.socket = accepted;
    this.stream = stream;
    // Of a connection that has ended there is nothing to be asked any more.
    this.peer = { address: stream.remoteAddress ?? "", port: stream.remotePort };
    this.local = { address: stream.localAddress ?? "", port: stream.localPort };
    this.trusted = trusts(this.peer.address, isUnixSocket(accepted));
    this.encrypted = stream !== accepted;
    this.tls = isTls(stream) ? stream : undefined;
  }
}

const isTls = (socket: Socket): socket is TLSSocket => "getPeerX509Certificate" in socket;
