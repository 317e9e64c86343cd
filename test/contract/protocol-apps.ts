// The same application in the terms of each interface, for the protocol contract.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { InterfaceName } from "../../src/config/config.ts";
import { type Environ, type StartResponse, wsgi } from "../../src/interfaces/wsgi.ts";
import { EXCHANGE, type Exchange } from "../../src/protocols/exchange.ts";

/** What the application and the test tell each other. */
export interface Stage {
  /** `/stream` gives its second piece after this. */
  readonly released: Promise<void>;
  /** `/leave` has begun. */
  entered(): void;
  /** `/leave` and `/endless` have learnt that the client is gone. */
  left(): void;
}

/**
 * Paths:
 * - `/hello` gives `hello` with `X-One: 1`;
 * - `/echo` gives the body back as it comes;
 * - `/cookies` sets `a=1` and `b=2`;
 * - `/empty` gives 204, `/fresh` 304;
 * - `/stream` gives `first`, waits for the stage, gives `second`;
 * - `/throw` throws; `/half` gives `half`, waits for the stage, throws;
 * - `/short` declares 100 bytes and gives `short`;
 * - Node's alone: `/rewritten` makes another request of its own, `/trailers` gives `first`, `second` and announced trailers, `/announced` gives `whole` with them;
 * - `/leave` enters and waits until the client is gone, `/endless` gives pieces until then;
 * - any other gives what it sees of the request, as JSON.
 */
export interface ProtocolApp {
  readonly interface: InterfaceName;
  make(stage: Stage): unknown;
}

export const PIECE: Buffer = Buffer.alloc(256 * 1024, "x");

/** What every interface sees; the paths only where it has them. */
export interface Seen {
  readonly method: string | undefined;
  readonly target: string | undefined;
  readonly in: string | null | undefined;
  readonly cookie: string | null | undefined;
  readonly scheme?: string;
  readonly client?: string | undefined;
  readonly scriptName?: string;
  readonly pathInfo?: string;
  readonly query?: string;
  readonly extra?: unknown;
}

const gone = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve());
  });

const nodeApp: ProtocolApp = {
  interface: "node",
  make: (stage) => async (req: IncomingMessage, res: ServerResponse) => {
    switch (req.url) {
      case "/hello":
        return res.setHeader("X-One", "1").end("hello");
      case "/echo":
        return req.pipe(res);
      case "/cookies":
        return res.setHeader("Set-Cookie", ["a=1", "b=2"]).end();
      case "/empty":
        return res.writeHead(204).end();
      case "/fresh":
        return res.writeHead(304, { etag: '"1"' }).end();
      case "/stream":
        res.write("first");
        await stage.released;
        return res.end("second");
      case "/rewritten":
        req.url = "/";
        req.method = "PURGE";
        return res.end("made another");
      case "/trailers":
        res.setHeader("Trailer", "X-Sum");
        res.write("first");
        res.addTrailers({ "X-Sum": "2" });
        return res.end("second");
      case "/announced":
        res.writeHead(200, { Trailer: "X-Sum" });
        res.addTrailers({ "X-Sum": "2" });
        return res.end("whole");
      case "/throw":
        throw new Error("thrown");
      case "/half":
        res.write("half");
        await stage.released;
        throw new Error("thrown");
      case "/short":
        return res.writeHead(200, { "Content-Length": 100 }).end("short");
      case "/leave":
        res.on("close", () => stage.left());
        return stage.entered();
      case "/endless": {
        res.on("close", () => stage.left());
        const more = (): void => {
          while (!res.destroyed && res.write(PIECE));
        };
        res.on("drain", more);
        return more();
      }
      default: {
        const seen: Seen = {
          method: req.method,
          target: req.url,
          in: req.headers["x-in"]?.toString(),
          cookie: req.headers.cookie,
          client: req.socket.remoteAddress,
        };
        return res.end(JSON.stringify(seen));
      }
    }
  },
};

async function* pieces(stage: Stage, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    while (!signal.aborted) yield PIECE;
  } finally {
    stage.left();
  }
}

async function* two(stage: Stage): AsyncGenerator<string> {
  yield "first";
  await stage.released;
  yield "second";
}

async function* half(stage: Stage): AsyncGenerator<string> {
  yield "half";
  await stage.released;
  throw new Error("thrown");
}

async function* bytesOf(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield Buffer.from(text);
}

const streamOf = (source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> => {
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    async cancel() {
      await iterator.return?.();
    },
  });
};

/** What the fetch interface gives its requests. */
function exchangeOf(request: Request): Exchange | undefined {
  return EXCHANGE in request ? (request as Request & { [EXCHANGE]: Exchange })[EXCHANGE] : undefined;
}

const fetchApp: ProtocolApp = {
  interface: "fetch",
  make: (stage) => ({
    async fetch(request: Request): Promise<Response> {
      const url = new URL(request.url);
      switch (url.pathname) {
        case "/hello":
          return new Response("hello", { headers: { "X-One": "1" } });
        case "/echo":
          return new Response(request.body);
        case "/cookies":
          return new Response("", {
            headers: [
              ["Set-Cookie", "a=1"],
              ["Set-Cookie", "b=2"],
            ],
          });
        case "/empty":
          return new Response(null, { status: 204 });
        case "/fresh":
          return new Response(null, { status: 304, headers: { etag: '"1"' } });
        case "/stream":
          return new Response(streamOf(bytesOf(two(stage))));
        case "/throw":
          throw new Error("thrown");
        case "/half":
          return new Response(streamOf(bytesOf(half(stage))));
        case "/short":
          return new Response("short", { headers: { "Content-Length": "100" } });
        case "/leave":
          stage.entered();
          await gone(request.signal);
          stage.left();
          return new Response("");
        case "/endless":
          return new Response(streamOf(pieces(stage, request.signal)));
        default: {
          const exchange = exchangeOf(request);
          const seen: Seen = {
            method: request.method,
            target: url.pathname + url.search,
            in: request.headers.get("x-in"),
            cookie: request.headers.get("cookie"),
            scheme: url.protocol.slice(0, -1),
            client: exchange?.client.address,
          };
          return Response.json(seen);
        }
      }
    },
  }),
};

const wsgiApp: ProtocolApp = {
  interface: "wsgi",
  make: (stage) =>
    wsgi(async (environ: Environ, startResponse: StartResponse) => {
      const plain = (): void => void startResponse("200 OK", [["Content-Type", "text/plain"]]);
      switch (environ.PATH_INFO) {
        case "/hello":
          startResponse("200 OK", [["X-One", "1"]]);
          return ["hello"];
        case "/echo":
          plain();
          return environ["wsgi.input"];
        case "/cookies":
          startResponse("200 OK", [
            ["Set-Cookie", "a=1"],
            ["Set-Cookie", "b=2"],
          ]);
          return [];
        case "/empty":
          startResponse("204 No Content", []);
          return [];
        case "/fresh":
          startResponse("304 Not Modified", [["ETag", '"1"']]);
          return [];
        case "/stream":
          plain();
          return two(stage);
        case "/throw":
          throw new Error("thrown");
        case "/half":
          plain();
          return half(stage);
        case "/short":
          startResponse("200 OK", [["Content-Length", "100"]]);
          return ["short"];
        case "/leave":
          stage.entered();
          await gone(environ["tgunicorn.signal"]);
          stage.left();
          plain();
          return [];
        case "/endless":
          plain();
          return pieces(stage, environ["tgunicorn.signal"]);
        default: {
          plain();
          const seen: Seen = {
            method: environ.REQUEST_METHOD,
            target: environ.RAW_URI,
            in: text(environ.HTTP_X_IN),
            cookie: text(environ.HTTP_COOKIE),
            scheme: environ["wsgi.url_scheme"],
            client: environ.REMOTE_ADDR,
            scriptName: environ.SCRIPT_NAME,
            pathInfo: environ.PATH_INFO,
            query: environ.QUERY_STRING,
            extra: environ.X_EXTRA,
          };
          return [JSON.stringify(seen)];
        }
      }
    }),
};

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

export const protocolApps: readonly ProtocolApp[] = [nodeApp, fetchApp, wsgiApp];
