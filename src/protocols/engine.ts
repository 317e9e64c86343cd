// What one protocol makes of the connections of its listeners: exchanges.

import type { Socket } from "node:net";
import type { Config } from "../config/config.ts";
import type { Exchange } from "./exchange.ts";

/** What becomes of idle connections: `keep` and `part` let them live out their time, `close` ends them in a moment. */
export type IdlePolicy = "keep" | "part" | "close";

export interface EngineOptions {
  readonly config: EngineConfig;
  /** False: every answer closes its connection. */
  readonly keepAlive: boolean;
  /** Whether Exchange.bodyBytes is asked for. */
  readonly countBytes: boolean;
  readonly onExchange: (exchange: Exchange) => void;
  /** Once for each exchange, when it is answered or its client is gone. */
  readonly onOver?: ((exchange: Exchange) => void) | undefined;
  /**
   * Whether somebody wants the upgrade to a protocol, in lower case, that a client asks for. A request whose upgrade nobody
   * wants is a plain one, as RFC 9110 section 7.8 allows; undefined where none is wanted.
   */
  readonly upgrades?: ((protocol: string) => boolean) | undefined;
  /** Its connection speaks another protocol from now on: it is no longer a request in flight. `onOver` follows at its end. */
  readonly onUpgraded?: ((exchange: Exchange) => void) | undefined;
  /** Once for each accepted connection, with what was accepted. */
  readonly onConnectionClosed?: ((socket: Socket) => void) | undefined;
  readonly log: {
    debug(message: string): void;
    warning(message: string): void;
    error(message: string): void;
  };
}

export type EngineConfig = Pick<
  Config,
  | "workerConnections"
  | "keepalive"
  | "http2MaxConcurrentStreams"
  | "http2InitialWindowSize"
  | "http2MaxFrameSize"
  | "http2MaxHeaderListSize"
  | "http2MaxResets"
  | "gracefulTimeout"
  | "headerTimeout"
  | "limitRequestLine"
  | "limitRequestFields"
  | "limitRequestFieldSize"
  | "forwardedAllowIps"
  | "secureSchemeHeaders"
  | "forwarderHeaders"
  | "headerMap"
  | "rootPath"
  | "proxyProtocol"
  | "proxyAllowIps"
>;

export interface Engine {
  /** Takes a connection over. `accepted` is what carries it, where that is another: `socket` is TLS over it then. */
  accept(socket: Socket, accepted?: Socket): void;
  readonly connections: number;
  /**
   * Finishes what is in flight, and resolves when the last connection is gone. Connections may still be handed over until
   * `accepting` resolves. Idle ones close as `idle` says; `close` after `keep` hurries it on.
   */
  drain(idle: IdlePolicy, accepting?: Promise<void>): Promise<void>;
  /** Destroys all connections. */
  stop(): void;
}
