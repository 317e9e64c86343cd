// HTTP/2 by node:http2. A session per connection, and an exchange per stream. https://www.rfc-editor.org/rfc/rfc9113

import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { Engine, EngineOptions } from "../engine.ts";
import { compileRules, type Refusal } from "../http1/rules.ts";
import { afterReading } from "../idle.ts";
import { MessageExchange } from "../message/exchange.ts";
import { fieldOf } from "../message/fields.ts";
import { compileTrust } from "../trust/trust.ts";
import { Http2Body } from "./body.ts";
import { Http2Connection } from "./connection.ts";
import { Http2Head, readFields } from "./head.ts";
import { watchForLostWrites } from "./lost-writes.ts";
import { refuseStream } from "./refuse.ts";
import { sessionOptions } from "./settings.ts";
import { Http2Transport, transportOf } from "./transport.ts";

/** How long, in milliseconds, the end of a connection may take once the last answer is given. */
const LAST = 2_000;
/** Over how long resets are counted, in milliseconds. */
const RESET_WINDOW = 30_000;

const CONNECT: Refusal = { status: 405, reason: "CONNECT is not supported" };
const EXPECTATION: Refusal = { status: 417, reason: "an expectation other than 100-continue" };

export function createHttp2(options: EngineOptions): Engine {
  const { config, log, onExchange, onOver, onConnectionClosed } = options;
  const rules = compileRules(config);
  const trust = compileTrust(config, log);
  const settings = sessionOptions(config);
  const connections = new Set<Http2Connection>();
  const keepalive = options.keepAlive ? config.keepalive * 1_000 : 0;
  const begin = config.headerTimeout * 1_000;
  let draining = false;
  const emptied: (() => void)[] = [];

  const onStream = (connection: Http2Connection, stream: ServerHttp2Stream, raw: readonly string[]): void => {
    stream.on("error", ignore);
    const fields = readFields(raw);
    const asked = {
      method: fields.method,
      url: fields.target,
      rawHeaders: fields.rawHeaders,
      // What the rules for HTTP/1.1 say of a head holds here, too.
      httpVersionMajor: 1,
      httpVersionMinor: 1,
    };
    const expected = fieldOf(fields.rawHeaders, "expect")?.toLowerCase();
    const unknown = expected === undefined || expected === "100-continue" ? undefined : EXPECTATION;
    const refusal =
      fields.method === "CONNECT" ? CONNECT : (rules.check(asked, connection) ?? fields.refusal ?? unknown);
    if (refusal !== undefined) {
      log.warning(`Invalid request from ip=${connection.peer.address}: ${refusal.reason}`);
      opened(connection);
      stream.on("close", () => closed(connection, false));
      return refuseStream(stream, refusal);
    }
    if (expected !== undefined && !stream.endAfterHeaders) stream.additionalHeaders({ ":status": 100 });
    const body = stream.endAfterHeaders ? null : new Http2Body(stream);
    const takesTrailers = wantsTrailers(fields.rawHeaders);
    const transport = new Http2Transport({ stream, connection, body, takesTrailers });
    const head = new Http2Head(fields, connection, trust);
    const exchange = new MessageExchange({ head, connection, transport, body, log });
    transport.exchange = exchange;
    stream[transportOf] = transport;
    opened(connection);
    stream.on("drain", onDrain);
    stream.on("finish", onFinish);
    stream.on("close", onClose);
    onExchange(exchange);
  };

  const over = ({ exchange }: Http2Transport): void => {
    if (exchange === undefined || exchange.over) return;
    exchange.close();
    onOver?.(exchange);
  };

  function onFinish(this: ServerHttp2Stream): void {
    const transport = this[transportOf];
    if (transport?.exchange?.complete !== true || this.closed) return;
    over(transport);
    const { body } = transport;
    if (body === null || this.readableEnded) return;
    // Some clients take no answer before they have sent the whole request; none may do so for ever (section 8.1).
    body.abandon();
    transport.lateBody = setTimeout(() => this.close(constants.NGHTTP2_NO_ERROR), LAST).unref();
  }

  function onClose(this: ServerHttp2Stream): void {
    const transport = this[transportOf];
    if (transport === undefined) return;
    this[transportOf] = undefined;
    clearTimeout(transport.lateBody);
    transport.body?.letGo();
    over(transport);
    const brokenOff = this.rstCode !== constants.NGHTTP2_NO_ERROR || this.aborted;
    closed(transport.connection, brokenOff && !transport.cutByUs);
  }

  const opened = (connection: Http2Connection): void => {
    connection.open++;
    clearTimeout(connection.timer);
  };

  const closed = (connection: Http2Connection, brokenOff: boolean): void => {
    connection.open--;
    if (brokenOff && tooManyResets(connection)) {
      log.warning(
        `HTTP/2 connection of ip=${connection.peer.address} closed: it breaks off too many requests`,
      );
      // Not while node reads: on Node 22 the next frame of a session that is destroyed just then ends the process.
      setImmediate(() =>
        connection.session.destroy(new Error("too many resets"), constants.NGHTTP2_ENHANCE_YOUR_CALM),
      );
      return;
    }
    if (connection.open === 0) rest(connection, keepalive);
  };

  const tooManyResets = (connection: Http2Connection): boolean => {
    if (config.http2MaxResets === 0) return false;
    const now = performance.now();
    if (now - connection.resetsSince > RESET_WINDOW) {
      connection.resets = 0;
      connection.resetsSince = now;
    }
    // Once: what comes until it is destroyed says nothing new.
    return ++connection.resets === config.http2MaxResets + 1;
  };

  /** Nothing is under way: ends the connection unless something is before long. */
  const rest = (connection: Http2Connection, milliseconds: number): void => {
    if (connection.session.destroyed) return;
    const late = (): void => {
      // Unless its next request is there already.
      if (connection.timer === timer && connection.open === 0) finish(connection);
    };
    const timer = setTimeout(afterReading, milliseconds, late).unref();
    connection.timer = timer;
  };

  /** Takes no more requests, and ends with the last one that is under way. */
  const finish = (connection: Http2Connection): void => {
    if (!connection.session.closed) connection.session.close();
    // A session that has a part of a frame waits for the rest of it.
    const last = (): void => {
      if (connection.open === 0) connection.stream.destroy();
    };
    setTimeout(last, LAST).unref();
  };

  const leave = (connection: Http2Connection): void => {
    if (connection.leaving) return;
    connection.leaving = true;
    // Whoever has nothing under way and does not go by itself holds no drain up.
    const last = (): void => {
      if (connection.open > 0) return;
      connection.stream.destroy();
      gone(connection);
    };
    setTimeout(last, LAST).unref();
    if (connection.session.destroyed) return;
    finish(connection);
  };

  const gone = (connection: Http2Connection): void => {
    if (!connections.delete(connection)) return;
    clearTimeout(connection.timer);
    lost.left();
    onConnectionClosed?.(connection.socket);
    check();
  };

  const lost = watchForLostWrites(connections, ({ session, stream, peer }) => {
    log.debug(`HTTP/2 connection of ip=${peer.address} is broken: what is written to it gets nowhere`);
    session.destroy();
    stream.destroy();
  });

  const check = (): void => {
    if (connections.size === 0) for (const tell of emptied.splice(0)) tell();
  };

  const onError = (connection: Http2Connection, error: Error): void =>
    log.debug(`HTTP/2 connection of ip=${connection.peer.address} failed: ${error.message}`);

  return {
    accept(stream: Socket, accepted = stream) {
      const session: ServerHttp2Session = performServerHandshake(stream, settings);
      const connection = new Http2Connection({ session, stream, accepted, trusts: trust.trusts });
      connections.add(connection);
      lost.joined(connection);
      session.on("error", (error) => onError(connection, error));
      session.on("stream", (one: ServerHttp2Stream, _headers: object, _flags: number, raw: string[]) =>
        onStream(connection, one, raw),
      );
      const end = (): void => {
        stream.destroy();
        // Node may have taken the socket's events with the session.
        gone(connection);
      };
      session.on("close", () => (stream.destroyed ? gone(connection) : void setTimeout(end, LAST).unref()));
      stream.on("close", () => gone(connection));
      // Many clients leave without a word. As with HTTP/1, whoever has closed a side waits for nothing.
      stream.on("end", () => stream.destroy());
      if (begin > 0) rest(connection, begin);
      if (draining) leave(connection);
    },
    get connections() {
      return connections.size;
    },
    async drain(_idle, accepting) {
      draining = true;
      for (const connection of connections) leave(connection);
      await accepting;
      if (connections.size === 0) return;
      await new Promise<void>((resolve) => {
        emptied.push(resolve);
      });
    },
    stop() {
      for (const { session, stream } of connections) {
        session.destroy();
        stream.destroy();
      }
    },
  };
}

const ignore = (): void => undefined;

function onDrain(this: ServerHttp2Stream): void {
  this[transportOf]?.exchange?.flowed();
}

/** `TE: trailers`, as RFC 9110 section 10.1.4 has it. */
function wantsTrailers(rawHeaders: readonly string[]): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i] === "te") return rawHeaders[i + 1]?.toLowerCase().includes("trailers") === true;
  }
  return false;
}
