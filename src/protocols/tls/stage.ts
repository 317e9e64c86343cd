// Takes TLS off connections before an engine gets them.

import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { Config } from "../../config/config.ts";
import { carrierOf } from "../../os/carrier.ts";
import { refuseConnection } from "../http1/refuse.ts";
import { peek } from "../peek.ts";
import { tell, toldOf } from "../proxy/told.ts";
import type { WaitingRoom } from "../waiting.ts";
import { tlsOptions } from "./options.ts";
import type { TlsSource } from "./source.ts";

export interface TlsStageOptions {
  readonly source: TlsSource;
  readonly config: Config;
  readonly waiting: WaitingRoom;
  /** The handshake is done; ALPN's choice stands in `secured.alpnProtocol`. */
  readonly onSecured: (secured: TLSSocket, accepted: Socket) => void;
  readonly log: {
    debug(message: string): void;
    warning(message: string): void;
    error(message: string): void;
  };
}

/** The first byte of a handshake: RFC 8446 section 5.1. */
export const TLS_HANDSHAKE = 0x16;

/** Resolves with what takes connections; rejects with what node:tls or the sslContext hook objects to. */
export async function createTlsStage(options: TlsStageOptions): Promise<(socket: Socket) => void> {
  const { source, waiting, log } = options;
  let server = await createSecurer(options);
  let renewals = 0;

  const renew = async (): Promise<void> => {
    const own = ++renewals;
    try {
      // Handshakes that are under way end with the server that they began with.
      const next = await createSecurer(options);
      if (own !== renewals) return;
      server = next;
      log.debug("Handshakes use the changed certificates");
    } catch (error) {
      log.error(`The changed certificates can't be served with, the former stay: ${String(error)}`);
    }
  };
  source.onRenewal(() => void renew());

  return (socket) => {
    waiting.enter(socket);
    peek(socket, (bytes) => {
      if (bytes[0] === TLS_HANDSHAKE) return () => void server.emit("connection", socket);
      return () => refusePlain(socket, bytes, options);
    });
  };
}

/** A server that never listens. */
async function createSecurer({ source, config, waiting, onSecured, log }: TlsStageOptions): Promise<Server> {
  const server = createServer(await tlsOptions(source, config));
  server.on("secureConnection", (secured) => {
    const accepted = carrierOf(secured);
    if (accepted === undefined) return void secured.destroy();
    if (
      config.certReqs === "optional" &&
      !secured.authorized &&
      secured.getPeerX509Certificate() !== undefined
    ) {
      failed(secured, `its certificate was not accepted: ${String(secured.authorizationError)}`, log);
      return void secured.destroy();
    }
    // What PROXY has told holds for what lies over it.
    tell(secured, toldOf(accepted));
    waiting.leave(accepted);
    onSecured(secured, accepted);
  });
  server.on("tlsClientError", (error: Error & { reason?: string }, secured) => {
    failed(secured, error.reason ?? error.message, log);
    secured.destroy();
  });
  return server;
}

const failed = (socket: Socket, why: string, log: TlsStageOptions["log"]): void =>
  log.debug(`TLS handshake failed with ip=${socket.remoteAddress ?? ""}: ${why}`);

/** HTTP is told what is wrong in its own language. */
function refusePlain(socket: Socket, bytes: Buffer, { log }: TlsStageOptions): void {
  const ip = socket.remoteAddress ?? "";
  if (!/^[A-Z]{1,20}(?: |$)/.test(bytes.toString("latin1", 0, 20))) {
    log.debug(`Neither TLS nor HTTP was sent to an HTTPS port by ip=${ip}`);
    return void socket.destroy();
  }
  const reason = "Plain HTTP was sent to an HTTPS port";
  log.warning(`Invalid request from ip=${ip}: ${reason}`);
  refuseConnection(socket, { status: 400, reason, hint: reason });
}
