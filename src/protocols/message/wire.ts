// The socket that a ServerResponse writes HTTP/1 to where HTTP/1 is not what is spoken: it turns that back into a
// status, headers and pieces of a body.

import net from "node:net";
import { CONNECTION, type Connection, type Endpoint } from "../exchange.ts";
import { createUnchunker } from "./chunks.ts";
import { fieldOf } from "./fields.ts";

export interface WireExchange {
  readonly connection: Connection;
  readonly client: Endpoint;
  readonly scheme: "http" | "https";
  readonly answered: boolean;
  readonly complete: boolean;
  readonly over: boolean;
  inform(status: number, headers: readonly string[]): void;
  head(status: number, reason: string | undefined, headers: readonly string[]): void;
  write(chunk: Uint8Array | string): boolean;
  drained(): Promise<void>;
  end(): void;
  cut(): void;
}

/** net.Socket leaves strings as they are. */
interface Piece {
  readonly chunk: string | Buffer;
  readonly encoding: BufferEncoding;
}

type Done = (error?: Error | null) => void;

const END_OF_HEAD = "\r\n\r\n";

export class WireSocket extends net.Socket {
  /** Nothing more that is written goes anywhere: the answer was given in the application's stead. */
  deaf = false;
  /** As TLS's sockets say; frameworks take the scheme from it. */
  readonly encrypted: boolean;
  readonly exchange: WireExchange;
  /** The response's head has gone through here. */
  private begun = false;
  private unchunk: ((bytes: Buffer) => Buffer) | undefined = undefined;

  constructor(exchange: WireExchange) {
    super();
    this.exchange = exchange;
    this.encrypted = exchange.scheme === "https";
  }

  /** What a request's signal and its deadline are found by. */
  exchangeOf(): WireExchange | undefined {
    return this.exchange.over ? undefined : this.exchange;
  }

  override _read(): void {
    // The body comes by the request.
  }

  override _write(chunk: string | Buffer, encoding: BufferEncoding, done: Done): void {
    const piece = { chunk, encoding };
    this.pass(this.begun ? piece : this.readHead(piece), done);
  }

  override _writev(chunks: { chunk: string | Buffer; encoding: BufferEncoding }[], done: Done): void {
    const pieces = chunks.map((piece) => (this.begun ? piece : this.readHead(piece)));
    const [only, ...more] = pieces.filter(({ chunk }) => chunk.length > 0);
    if (only === undefined) return done();
    if (more.length === 0) return this.pass(only, done);
    this.pass({ chunk: Buffer.concat([only, ...more].map(bytesOf)), encoding: "utf8" }, done);
  }

  private pass(piece: Piece, done: Done): void {
    const { exchange, unchunk } = this;
    const { chunk, encoding } = piece;
    // An exchange takes text as UTF-8.
    const plain = unchunk === undefined && (typeof chunk !== "string" || isUtf8(encoding));
    const body = plain ? chunk : unchunk === undefined ? bytesOf(piece) : unchunk(bytesOf(piece));
    if (body.length === 0 || this.deaf || exchange.over || exchange.write(body)) return done();
    exchange.drained().then(
      () => done(),
      () => done(),
    );
  }

  override _final(done: Done): void {
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    const { exchange } = this;
    if (!exchange.over && !exchange.complete && !this.deaf) exchange.cut();
    done(error);
    // A net.Socket says so itself, once its handle is closed; here is none.
    process.nextTick(() => this.emit("close", error !== null));
  }

  /** Takes the head off; what is left is the beginning of the body. Informational responses come before it. */
  private readHead(piece: Piece): Piece {
    const { chunk, encoding } = piece;
    const text = typeof chunk === "string" ? chunk : chunk.toString("latin1");
    const end = text.indexOf(END_OF_HEAD);
    if (end < 0) return piece;
    const rest = chunk.slice(end + END_OF_HEAD.length);
    const status = Number(text.slice(9, 12));
    if (status >= 200) this.begun = true;
    if (this.deaf) return { chunk: rest, encoding };
    const lineEnd = text.indexOf("\r\n");
    const headers = readFields(text, lineEnd + 2, end);
    if (status < 200) {
      // The server has told a client that waits to go on. Nothing here changes to another protocol.
      if (status !== 100 && status !== 101) this.exchange.inform(status, headers);
    } else {
      if (fieldOf(headers, "transfer-encoding") !== undefined) this.unchunk = createUnchunker();
      const reason = text.slice(13, lineEnd);
      this.exchange.head(status, reason === "" ? undefined : reason, headers);
    }
    return { chunk: rest, encoding };
  }
}

const bytesOf = ({ chunk, encoding }: Piece): Buffer =>
  typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk;

const isUtf8 = (encoding: BufferEncoding): boolean => encoding === "utf8" || encoding === "utf-8";

/** Names and values by turns. Node writes them as `Name: value`, and the last without a line end here. */
function readFields(text: string, from: number, end: number): string[] {
  const fields: string[] = [];
  for (let at = from; at < end; ) {
    const next = text.indexOf("\r\n", at);
    const colon = text.indexOf(":", at);
    fields.push(text.slice(at, colon), text.slice(colon + 2, next));
    at = next + 2;
  }
  return fields;
}

/** Node's own accessors would ask the system about a socket that is none: whoever looks sees the client and not the front. */
const FACTS: Record<string, (this: WireSocket) => unknown> = {
  [CONNECTION]() {
    return this;
  },
  remoteAddress() {
    return this.exchange.client.address;
  },
  remotePort() {
    return this.exchange.client.port;
  },
  remoteFamily() {
    return net.isIPv6(this.exchange.client.address) ? "IPv6" : "IPv4";
  },
  localAddress() {
    return this.exchange.connection.local.address;
  },
  localPort() {
    return this.exchange.connection.local.port;
  },
};

/** What a TLS socket can be asked, of the one below: its own functions, where TLS is spoken with this server. */
const OF_TLS = [
  ...["alpnProtocol", "authorizationError", "authorized", "servername"],
  ...["exportKeyingMaterial", "getCertificate", "getCipher", "getEphemeralKeyInfo", "getFinished"],
  ...["getPeerCertificate", "getPeerFinished", "getPeerX509Certificate", "getProtocol", "getSession"],
  ...["getSharedSigalgs", "getTLSTicket", "getX509Certificate", "isSessionReused"],
];
for (const name of OF_TLS) {
  FACTS[name] = function () {
    const { tls } = this.exchange.connection;
    const value: unknown = tls === undefined ? undefined : Reflect.get(tls, name);
    return typeof value === "function" ? value.bind(tls) : value;
  };
}

for (const fact of Reflect.ownKeys(FACTS)) {
  Object.defineProperty(WireSocket.prototype, fact, { get: Reflect.get(FACTS, fact), configurable: true });
}
