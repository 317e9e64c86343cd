// Where a worker's connections come in: what they are opened with is taken off them (PROXY, TLS), and the engine of what
// their listener speaks gets them.

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Config, ProtocolName } from "../config/config.ts";
import type { Engine, EngineOptions, IdlePolicy } from "./engine.ts";
import { createHttp1 } from "./http1/server.ts";
import { createProxyStage } from "./proxy/stage.ts";
import type { TlsSource } from "./tls/source.ts";
import { compileNetworks } from "./trust/networks.ts";
import { createWaitingRoom } from "./waiting.ts";

export interface Listener {
  readonly protocol: ProtocolName;
}

/** Who counts connections. */
export interface ConnectionCounts {
  opened(): void;
  closed(): void;
}

export interface FrontOptions extends EngineOptions {
  readonly config: Config;
  /** Needed where a listener speaks https. */
  readonly tls?: TlsSource | undefined;
  /** Undefined where nobody counts. */
  readonly connections?: ConnectionCounts | undefined;
}

export interface Front extends Omit<Engine, "accept"> {
  accept(socket: Socket, listener: Listener): void;
}

/** performance.now() when a connection was accepted, where connections are counted; 0 once somebody has asked. */
export const ACCEPTED_AT: unique symbol = Symbol("acceptedAt");

declare module "node:net" {
  interface Socket {
    [ACCEPTED_AT]?: number;
  }
}

type Accept = (socket: Socket) => void;

/** Loaded when a listener speaks it. */
const ENGINES: Readonly<Record<Exclude<ProtocolName, "https"> | "http2", () => Promise<typeof createHttp1>>> =
  {
    http: async () => createHttp1,
    http2: async () => (await import("./http2/server.ts")).createHttp2,
    uwsgi: async () => (await import("./uwsgi/server.ts")).createUwsgi,
    fastcgi: async () => (await import("./fastcgi/server.ts")).createFastcgi,
    scgi: async () => (await import("./scgi/server.ts")).createScgi,
  };

export async function createFront(
  listeners: readonly Listener[],
  { connections, ...given }: FrontOptions,
): Promise<Front> {
  const options =
    connections === undefined ? given : { ...given, onConnectionClosed: closing(connections, given) };
  const { config, log } = options;
  const spoken = new Set(listeners.map(({ protocol }) => protocol));
  const http2 = config.httpProtocols.includes("h2");
  const engines = new Map<keyof typeof ENGINES, Engine>();
  const engineFor = async (name: keyof typeof ENGINES): Promise<Engine> => {
    const known = engines.get(name);
    if (known !== undefined) return known;
    const engine = (await ENGINES[name]())(options);
    engines.set(name, engine);
    return engine;
  };
  const waiting = createWaitingRoom({
    limit: Math.round(config.headerTimeout * 1_000),
    onClosed: (socket) => options.onConnectionClosed?.(socket),
    onLate: (socket) => log.debug(`ip=${socket.remoteAddress ?? ""} took too long to begin a request`),
  });

  const accepts = new Map<ProtocolName, Accept>();
  for (const protocol of spoken) {
    if (protocol === "https") {
      const { createTlsStage } = await import("./tls/stage.ts");
      const { tls: source } = options;
      if (source === undefined) throw new Error("there is nothing to serve TLS with");
      const http = await engineFor("http");
      const h2 = http2 ? await engineFor("http2") : undefined;
      const onSecured = (secured: TLSSocket, accepted: Socket): void =>
        (secured.alpnProtocol === "h2" && h2 !== undefined ? h2 : http).accept(secured, accepted);
      accepts.set(protocol, await createTlsStage({ source, config, waiting, onSecured, log }));
    } else if (protocol === "http" && http2) {
      const { createPrefaceStage } = await import("./http2/preface.ts");
      const [h1, h2] = [await engineFor("http"), await engineFor("http2")];
      const stage = createPrefaceStage({
        trusts: compileNetworks(config.forwardedAllowIps),
        waiting,
        http1: (socket) => h1.accept(socket),
        http2: (socket) => h2.accept(socket),
      });
      accepts.set(protocol, stage);
    } else {
      const engine = await engineFor(protocol);
      accepts.set(protocol, (socket) => engine.accept(socket));
    }
  }

  const all = [...engines.values()];
  const { proxyProtocol: versions } = config;
  const unwrap = versions === "off" ? undefined : createProxyStage({ versions, config, waiting, log });
  const take = (socket: Socket, { protocol }: Listener): void => {
    const accept = accepts.get(protocol);
    if (accept === undefined || unwrap === undefined) accept?.(socket);
    else unwrap(socket, accept);
  };
  return {
    accept: connections === undefined ? take : opening(connections, take),
    get connections() {
      return all.reduce((sum, engine) => sum + engine.connections, waiting.size);
    },
    async drain(idle: IdlePolicy, accepting?: Promise<void>) {
      // Those that wait come to an engine yet.
      const settled = waiting.size === 0 && accepting === undefined ? undefined : waiting.drain(accepting);
      await Promise.all(all.map((engine) => engine.drain(idle, settled)));
    },
    stop() {
      waiting.stop();
      for (const engine of all) engine.stop();
    },
  };
}

/** Counts what is accepted, and notes when. */
const opening =
  (connections: ConnectionCounts, take: Front["accept"]): Front["accept"] =>
  (socket, listener) => {
    connections.opened();
    socket[ACCEPTED_AT] = performance.now();
    take(socket, listener);
  };

const closing =
  (connections: ConnectionCounts, { onConnectionClosed }: EngineOptions) =>
  (socket: Socket): void => {
    connections.closed();
    onConnectionClosed?.(socket);
  };
