// A worker kind that serves inside the test's own process.

import { EventEmitter, once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Config, ProtocolName } from "../../src/config/config.ts";
import { bindHandle } from "../../src/os/handles.ts";
import type { Exchange, Handler } from "../../src/protocols/exchange.ts";
import type { Serving, WorkerContext, WorkerKind } from "../../src/workers/contract.ts";

type ServingConfig = Pick<
  Config,
  | "workerClass"
  | "threads"
  | "workerConnections"
  | "backlog"
  | "keepalive"
  | "gracefulTimeout"
  | "requestTimeout"
  | "timeout"
  | "headerTimeout"
  | "httpProtocols"
  | "http2MaxConcurrentStreams"
  | "http2InitialWindowSize"
  | "http2MaxFrameSize"
  | "http2MaxHeaderListSize"
  | "http2MaxResets"
  | "certReqs"
  | "ciphers"
  | "tlsMinVersion"
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

/** What a worker kind reads of the settings. */
export const defaults: ServingConfig = {
  workerClass: "eventloop",
  threads: 1,
  workerConnections: 1000,
  backlog: 64,
  keepalive: 20,
  gracefulTimeout: 30,
  requestTimeout: 0,
  timeout: 30,
  headerTimeout: 30,
  httpProtocols: ["h1"],
  http2MaxConcurrentStreams: 100,
  http2InitialWindowSize: 65535,
  http2MaxFrameSize: 16384,
  http2MaxHeaderListSize: 65536,
  http2MaxResets: 200,
  certReqs: "none",
  ciphers: null,
  tlsMinVersion: "TLSv1.2",
  limitRequestLine: 4094,
  limitRequestFields: 100,
  limitRequestFieldSize: 8190,
  forwardedAllowIps: ["127.0.0.1", "::1"],
  secureSchemeHeaders: {
    "X-FORWARDED-PROTOCOL": "ssl",
    "X-FORWARDED-PROTO": "https",
    "X-FORWARDED-SSL": "on",
  },
  forwarderHeaders: ["SCRIPT_NAME", "PATH_INFO"],
  headerMap: "drop",
  rootPath: "",
  proxyProtocol: "off",
  proxyAllowIps: ["127.0.0.1", "::1"],
};

/** A request that the application has, until the test answers it. */
export interface Held {
  readonly exchange: Exchange;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Settles the application's promise: it gives one at `/hold/async...`. */
  done(): void;
}

export interface Rig {
  readonly port: number;
  readonly serving: Serving;
  /** Requests that reached the application, by target, in order. */
  readonly seen: readonly string[];
  readonly over: readonly string[];
  /** Resolves when the request to `target` is over. */
  ended(target: string): Promise<void>;
  readonly upgraded: readonly string[];
  readonly warnings: readonly string[];
  /** The next request to `/hold...`, which the application does not answer by itself. */
  held(): Promise<Held>;
  /** Resolves at the next warning. */
  warned(): Promise<string>;
}

/** Serves `hello` at every path but `/hold...`, on a port of its own. */
export async function rig(
  kind: WorkerKind,
  settings: Partial<ServingConfig> = {},
  upgrades?: (protocol: string) => boolean,
  protocol: ProtocolName = "http",
): Promise<Rig> {
  const { fd, port } = bindHandle({ host: "127.0.0.1", port: 0 });
  const seen: string[] = [];
  const over: string[] = [];
  const ending = new EventEmitter();
  const upgraded: string[] = [];
  const warnings = queue<string>();
  const holding = queue<Held>();
  const handle: Handler = (exchange) => {
    seen.push(exchange.target);
    const { req, res } = exchange.node();
    if (!exchange.target.startsWith("/hold")) return void req.resume().on("end", () => res.end("hello"));
    let done = (): void => undefined;
    const worked = new Promise<void>((resolve) => {
      done = resolve;
    });
    holding.put({ exchange, req, res, done });
    return exchange.target.startsWith("/hold/async") ? worked : undefined;
  };
  const context = servingContext(
    fd,
    {
      handle,
      over({ target }) {
        over.push(target);
        ending.emit(target);
      },
      upgraded: (exchange) => void upgraded.push(exchange.target),
      upgrades,
      countBytes: true,
    },
    settings,
    warnings.put,
    protocol,
  );
  const serving = await kind.serve(context);
  return {
    port,
    serving,
    seen,
    over,
    async ended(target) {
      if (!over.includes(target)) await once(ending, target);
    },
    upgraded,
    warnings: warnings.all,
    held: holding.next,
    warned: warnings.next,
  };
}

/** The context of a worker on the listening descriptor `fd`. To read a setting that is not of `ServingConfig` fails. */
export function servingContext(
  fd: number,
  pipeline: Pick<WorkerContext, "handle" | "over" | "upgraded" | "upgrades" | "countBytes">,
  settings: Partial<ServingConfig> = {},
  warning: (text: string) => void = () => undefined,
  protocol: ProtocolName = "http",
): WorkerContext {
  const config: ServingConfig = new Proxy(
    { ...defaults, ...settings },
    {
      get(target, name) {
        if (!(name in target)) throw new Error(`a worker kind read the setting ${String(name)}`);
        return Reflect.get(target, name);
      },
    },
  );
  if (!isWhole(config)) throw new Error("the settings have no backlog");
  return {
    config,
    identity: { id: 1, slot: 1, generation: 1 },
    listeners: [{ fd, copies: [], protocol, url: "http://test" }],
    log: { debug() {}, info() {}, warning, error() {} },
    tls: undefined,
    connections: undefined,
    ...pipeline,
  };
}

const isWhole = (config: ServingConfig): config is Config => "backlog" in config;

function queue<T>(): { put(item: T): void; next(): Promise<T>; readonly all: readonly T[] } {
  const all: T[] = [];
  const waiting: T[] = [];
  const wanted: ((item: T) => void)[] = [];
  return {
    all,
    put(item) {
      all.push(item);
      const taker = wanted.shift();
      if (taker === undefined) waiting.push(item);
      else taker(item);
    },
    next() {
      const item = waiting.shift();
      if (item !== undefined) return Promise.resolve(item);
      return new Promise((resolve) => wanted.push(resolve));
    },
  };
}
