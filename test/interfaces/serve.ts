// An application behind its interface, the real pipeline and the real protocol, on a loopback port.

import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import net from "node:net";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import type { InterfaceName } from "../../src/config/config.ts";
import { adapt } from "../../src/interfaces/adapt.ts";
import type { AsgiSettings } from "../../src/interfaces/asgi/handler.ts";
import type { EngineConfig } from "../../src/protocols/engine.ts";
import type { Exchange } from "../../src/protocols/exchange.ts";
import { createFastcgi } from "../../src/protocols/fastcgi/server.ts";
import { createHttp1 } from "../../src/protocols/http1/server.ts";
import { createHttp2 } from "../../src/protocols/http2/server.ts";
import { createScgi } from "../../src/protocols/scgi/server.ts";
import { createUwsgi } from "../../src/protocols/uwsgi/server.ts";
import { createPipeline } from "../../src/workers/pipeline.ts";

export interface Served {
  readonly port: number;
  /** Error-level lines and exceptions, in order. */
  readonly errors: string[];
  readonly warnings: string[];
  /** Ends what is served, and then the application, as a worker does. */
  drain(idle: "keep" | "close"): Promise<void>;
  /** Resolves when the next exchange is over. */
  over(): Promise<Exchange>;
  request(options: http.RequestOptions, body?: string | Buffer): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

const CONFIG: EngineConfig = {
  workerConnections: 1000,
  keepalive: 2,
  gracefulTimeout: 30,
  headerTimeout: 30,
  limitRequestLine: 4094,
  http2MaxConcurrentStreams: 100,
  http2InitialWindowSize: 65535,
  http2MaxFrameSize: 16384,
  http2MaxHeaderListSize: 65536,
  http2MaxResets: 200,
  limitRequestFields: 100,
  limitRequestFieldSize: 8190,
  forwardedAllowIps: ["127.0.0.1"],
  secureSchemeHeaders: { "X-FORWARDED-PROTO": "https" },
  forwarderHeaders: ["SCRIPT_NAME"],
  headerMap: "drop",
  rootPath: "",
  proxyProtocol: "off",
  proxyAllowIps: [],
};

const ENGINES = {
  http: createHttp1,
  /** With prior knowledge. */
  http2: createHttp2,
  uwsgi: createUwsgi,
  scgi: createScgi,
  fastcgi: createFastcgi,
} as const;

/** What the tests have a client for. */
export type Spoken = keyof typeof ENGINES;

type ServeSettings = Partial<EngineConfig> & {
  readonly asgi?: AsgiSettings;
  /** Default http. */
  readonly protocol?: Spoken;
};

/** Serves `app` until the test is over. */
export async function serve(
  t: TestContext,
  app: unknown,
  name: InterfaceName = "auto",
  { asgi, protocol = "http", ...settings }: ServeSettings = {},
): Promise<Served> {
  const config: EngineConfig = { ...CONFIG, ...settings };
  const errors: string[] = [];
  const warnings: string[] = [];
  const waiting: ((exchange: Exchange) => void)[] = [];
  const log = {
    debug() {},
    info() {},
    warning: (message: string) => void warnings.push(message),
    error: (message: string) => void errors.push(message),
    exception: (message: string, error: unknown) => void errors.push(`${message}\n${String(error)}`),
  };
  const adapted = await adapt(app, name, {
    ...(asgi === undefined ? {} : { asgi }),
    log,
    multiprocess: true,
    software: "tgunicorn/test",
    headers: config,
  });
  await adapted.startup?.();
  const pipeline = createPipeline({
    app: adapted.handle,
    config: { maxRequests: 0, maxRequestsJitter: 0 },
    log,
    access: null,
    hooks: {},
    random: () => 0,
    retire: () => {},
  });
  const engine = ENGINES[protocol]({
    config,
    keepAlive: true,
    countBytes: false,
    onExchange: pipeline.handle,
    upgrades: adapted.upgrades,
    onOver: (exchange) => waiting.shift()?.(exchange),
    log,
  });
  const server = net.createServer((socket) => engine.accept(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    engine.stop();
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("not bound");
  const { port } = address;
  return {
    port,
    errors,
    warnings,
    async drain(idle) {
      await engine.drain(idle);
      await adapted.shutdown?.();
    },
    over: () => new Promise((resolve) => waiting.push(resolve)),
    request: (options, body) => request({ host: "127.0.0.1", port, agent: false, ...options }, body),
  };
}

async function request(options: http.RequestOptions, body: string | Buffer | undefined): Promise<Answer> {
  const req = http.request(options);
  req.end(body);
  const [res]: IncomingMessage[] = await once(req, "response");
  if (res === undefined) throw new Error("no response");
  const { statusCode = 0, statusMessage = "", headers, rawHeaders } = res;
  return { status: statusCode, reason: statusMessage, headers, rawHeaders, body: await text(res) };
}

/** A promise with its resolver: what one side does when the other is where it should be. */
export function latch<Value = void>(): { promise: Promise<Value>; open: (value: Value) => void } {
  let open: (value: Value) => void = () => {};
  const promise = new Promise<Value>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
