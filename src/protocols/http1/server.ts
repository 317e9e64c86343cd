// One node:http server per worker as the protocol engine. It never listens: its sockets come from the gates.

import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { quoteBytes } from "../../log/quote.ts";
import { createDrain } from "../drain.ts";
import type { Engine, EngineOptions } from "../engine.ts";
import { afterReading } from "../idle.ts";
import { createOpenConnections } from "../open.ts";
import { SignallingRequest } from "../signal.ts";
import { compileTrust } from "../trust/trust.ts";
import { connectionOf, Http1Connection } from "./connection.ts";
import { isBehindLast, mindAnswers, turnDeaf } from "./deaf.ts";
import { createDeparture } from "./departure.ts";
import { exchangeOf, Http1Exchange } from "./exchange.ts";
import { announceClose, closeIdle, halfHeads } from "./finish.ts";
import { Handshake } from "./handshake.ts";
import { noteListeners, watchIdle } from "./idle.ts";
import { destroySoon, lingeringClose } from "./linger.ts";
import { LATE, mayAnswer, refusalOf, refuseConnection, refuseRequest } from "./refuse.ts";
import { checkedResponses } from "./response.ts";
import { compileRules, largestHead, type Refusal } from "./rules.ts";
import { HANDS_OVER_STREAM, listenForUpgrades, mayUpgrade } from "./upgrade.ts";

export function createHttp1(options: EngineOptions): Engine {
  const { config, onExchange, onOver, onConnectionClosed, log } = options;
  const rules = compileRules(config);
  const trust = compileTrust(config, log);
  const connections = createOpenConnections<Http1Connection>();
  const Response = checkedResponses({
    countBytes: options.countBytes,
    tell: (res, what) =>
      log.warning(`The application's answer to ${res.req.method} ${quoteBytes(res.req.url ?? "")} ${what}`),
  });
  const server = createEngine(options, Response);
  const drain = createDrain({
    connections,
    keepalive: config.keepalive * 1_000,
    lastAnswers: () => announceClose(connections),
    closeIdle: () => closeIdle(server, connections),
    halfHeads: () =>
      halfHeads(server, connections).map((connection) => ({
        stream: connection.stream,
        refuse: () => endHalf(connection),
      })),
    // It never listened; this ends its clock.
    finished: () => void server.close(() => undefined),
  });
  const departure = createDeparture(connections, config.gracefulTimeout);
  let lastAnswers = !options.keepAlive || config.keepalive === 0;

  const invalid = (socket: Socket, refusal: Refusal): void =>
    log.warning(`Invalid request from ip=${socket.remoteAddress ?? ""}: ${refusal.reason}`);

  const endHalf = (connection: Http1Connection): void => {
    log.debug(`ip=${connection.peer.address} had half a request, and is ended with its worker`);
    turnDeaf(connection);
    refuseConnection(connection.stream, LATE);
  };

  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    const connection = req.socket[connectionOf];
    if (connection !== undefined) connection.asked++;
    // A request behind one that was refused, or that is to be answered with `Connection: close`, gets no answer:
    // so it must not run either (RFC 9112 section 9.6).
    if (connection === undefined || connection.deaf) return;
    const refusal = rules.check(req, connection);
    if (refusal !== undefined) {
      turnDeaf(connection);
      invalid(req.socket, refusal);
      return refuseRequest(res, refusal);
    }
    const exchange = new Http1Exchange(req, res, connection, trust);
    if ((lastAnswers || connection.lastAnswer) && !closesAfter(connection, res)) return;
    connection.latest = exchange;
    res[exchangeOf] = exchange;
    res.on("close", onResponseClosed);
    onExchange(exchange);
  };

  const over = (exchange: Http1Exchange): void => {
    if (exchange.over) return;
    exchange.over = true;
    exchange.previous = undefined;
    const { connection } = exchange;
    if (connection.latest === exchange) connection.latest = undefined;
    onOver?.(exchange);
  };

  function onResponseClosed(this: ServerResponse): void {
    const exchange = this[exchangeOf];
    if (exchange !== undefined) over(exchange);
  }

  function onSocketClosed(this: Socket): void {
    const connection = this[connectionOf];
    if (connection === undefined || !connections.delete(connection)) return;
    const open: Http1Exchange[] = [];
    if (connection.upgraded !== undefined) over(connection.upgraded);
    for (let one = connection.latest; one !== undefined; one = one.previous) open.unshift(one);
    for (const exchange of open) {
      over(exchange);
      exchange.connectionClosed();
    }
    onConnectionClosed?.(connection.socket);
    if (drain.active) drain.check();
  }

  const onClientError = (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code !== "ERR_HTTP_REQUEST_TIMEOUT") return onBroken(error, socket);
    const asked = socket[connectionOf]?.asked;
    const { bytesRead } = socket;
    // The head may be there unread. Node has taken the connection off its list: the next head to begin puts it back, with its own time.
    afterReading(() => {
      const came = socket[connectionOf]?.asked !== asked || (bytesRead === 0 && socket.bytesRead > 0);
      if (!came && !socket.destroyed) onBroken(error, socket);
    });
  };

  const onBroken = (error: NodeJS.ErrnoException, socket: Socket): void => {
    const connection = socket[connectionOf];
    const refusal = refusalOf(error);
    // What is destroyed already was so by the application, with an error of its own, or is the client's end.
    if (connection === undefined || refusal === undefined || socket.destroyed) return void socket.destroy();
    if (connection.deaf) return;
    turnDeaf(connection);
    // Nothing was ever asked: browsers open connections ahead of need.
    if (refusal.status === 408 && socket.bytesRead === 0) return void socket.destroy();
    if (error.code !== "HPE_INVALID_EOF_STATE") invalid(socket, refusal);
    else log.debug(`ip=${socket.remoteAddress ?? ""} left in the middle of a request`);
    const { latest } = connection;
    if (mayAnswer(connection)) refuseConnection(socket, refusal);
    // A request that broke off in the middle of its answer: no client may take that for whole.
    else if (latest !== undefined && !latest.req.complete) {
      // Who has left waits for nothing that came before either.
      if (latest.waits && error.code === "HPE_INVALID_EOF_STATE") socket.destroy();
      else latest.cut();
    }
    // What came before is answered, and the connection closed after that.
    else latest?.res.once("finish", () => lingeringClose(socket));
  };

  server.on("request", onRequest);
  server.on("checkContinue", (req: IncomingMessage, res: ServerResponse) => {
    // Not before it is sure that the body is wanted.
    const connection = req.socket[connectionOf];
    if (connection?.deaf === false && rules.check(req, connection) === undefined) res.writeContinue();
    onRequest(req, res);
  });
  server.on("clientError", onClientError);
  server.on("connect", (_req: IncomingMessage, socket: Socket) => {
    socket.on("error", () => undefined);
    const connection = socket[connectionOf];
    const refusal: Refusal = { status: 405, reason: "CONNECT is not supported" };
    invalid(socket, refusal);
    if (connection === undefined) return void socket.destroy();
    const { latest } = connection;
    if (latest !== undefined) mindAnswers(socket);
    if (connection.deaf || isBehindLast(connection)) return;
    turnDeaf(connection);
    const refuse = (): void => {
      if (socket.writable) refuseConnection(socket, refusal);
    };
    // Answers go out in the order of their requests.
    if (latest === undefined) refuse();
    else latest.res.once("close", refuse);
  });
  const onUpgraded = (handshake: Handshake): void => {
    options.onUpgraded?.(handshake);
    departure.joined(handshake);
  };
  const onHandshake = (req: IncomingMessage, res: ServerResponse, protocol: string, rest: Buffer): void => {
    const connection = req.socket[connectionOf];
    if (connection === undefined) return;
    connection.asked++;
    const refusal = rules.check(req, connection);
    if (refusal !== undefined) {
      turnDeaf(connection);
      invalid(req.socket, refusal);
      return refuseRequest(res, refusal);
    }
    const exchange = new Handshake({ req, res, connection, trust, protocol, rest, onUpgraded });
    connection.latest = exchange;
    // It is answered like any other request.
    res.once("finish", () => over(exchange));
    onExchange(exchange);
    exchange.watch();
  };
  if (options.upgrades !== undefined) {
    listenForUpgrades(server, { wanted: options.upgrades, Response, onHandshake });
  }
  watchIdle(server);
  // Starts node's tracking of connections and its clock for slow heads, which it does when a server listens.
  server.emit("listening");

  return {
    accept(socket, accepted = socket) {
      const connection = new Http1Connection(socket, accepted, trust.trusts);
      socket[connectionOf] = connection;
      socket.destroySoon = destroyGently;
      connections.add(connection);
      socket.on("close", onSocketClosed);
      socket.on("timeout", noteListeners);
      server.emit("connection", socket);
    },
    get connections() {
      return connections.size;
    },
    drain(idle, accepting) {
      lastAnswers = true;
      departure.begin(idle === "close" ? 1001 : 1012);
      return drain.start(idle, accepting);
    },
    stop() {
      for (const { stream } of connections) stream.destroy();
      drain.check();
    },
  };
}

function createEngine(
  { config, upgrades }: EngineOptions,
  Response: typeof ServerResponse<IncomingMessage>,
): http.Server {
  const headersTimeout = Math.round(config.headerTimeout * 1_000);
  const settings = {
    keepAliveTimeout: Math.round(config.keepalive * 1_000),
    // From Node 22 on: what node adds to it of its own accord, 1 s.
    keepAliveTimeoutBuffer: 0,
    headersTimeout,
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(1_000, Math.max(50, headersTimeout / 4)),
    maxHeaderSize: largestHead(config),
    insecureHTTPParser: false,
    IncomingMessage: SignallingRequest,
    ServerResponse: Response,
    // Checked by the rules, which log it.
    requireHostHeader: false,
    ...(upgrades === undefined || !HANDS_OVER_STREAM
      ? {}
      : { shouldUpgradeCallback: (req: IncomingMessage) => mayUpgrade(req, upgrades) }),
  };
  const server = http.createServer(settings);
  // Otherwise Node 20 drops the headers past a thousand that yet frame the body: CVE-2026-58044. The rules count them.
  server.maxHeadersCount = 0;
  return server;
}

/**
 * Makes `res` the last answer on its connection. False where an earlier one already is: then this one is not to be
 * given. An application that insists on keep-alive in its own header gets its connection closed all the same.
 */
function closesAfter(connection: Http1Connection, res: ServerResponse): boolean {
  if (isBehindLast(connection)) return false;
  res.shouldKeepAlive = false;
  return true;
}

/** What node calls after a connection's last response. A client that still sends its body must be able to read it. */
function destroyGently(this: Socket): void {
  const connection = this[connectionOf];
  const unread = connection?.deaf === true || connection?.latest?.req.complete === false;
  if (unread && this.writable) lingeringClose(this);
  else destroySoon.call(this);
}
