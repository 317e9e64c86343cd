// A small web server that the arbiter answers itself, however busy the workers are: for probes, for metrics.

import http from "node:http";
import { formatPlace } from "../../config/address.ts";
import type { Address } from "../../config/config.ts";
import { listenPrivately } from "../../os/private-socket.ts";
import type { Served } from "../service.ts";
import { firstOnly } from "./first.ts";

export interface WebServer extends Served {
  /** With the real port. */
  readonly url: string;
}

export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** By path. */
export type Pages = Readonly<Record<string, () => Page | Promise<Page>>>;

export const json = (status: number, value: unknown): Page => ({
  status,
  type: "application/json",
  body: `${JSON.stringify(value)}\n`,
});

const MOST_CLIENTS = 1_024;
const TIMEOUT = 5_000;

/** A page may load nothing, and be shown in no other's frame; what it asks for is its own server's. */
const GUARD = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** Rejects with the system's error, or the catalogue's, which names `flag`. `failed` hears of a page that could not be made. */
export async function openWeb(
  address: Address,
  flag: string,
  pages: Pages,
  failed: (error: unknown) => void,
): Promise<WebServer> {
  const making = new Map<string, Promise<Page>>();
  const server = http.createServer(
    {
      maxHeaderSize: 8 * 1024,
      headersTimeout: TIMEOUT,
      requestTimeout: TIMEOUT,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      response.on("error", () => undefined);
      const send = ({ status, type, body }: Page): void => {
        response.writeHead(status, {
          ...GUARD,
          "content-type": type,
          "content-length": Buffer.byteLength(body),
          // Who asks comes seldom, a body that nobody reads stays behind, and one answer is all that a connection gets.
          connection: "close",
          ...(status === 405 ? { allow: "GET, HEAD" } : {}),
        });
        response.end(request.method === "HEAD" ? undefined : body);
      };
      answerTo(request.method ?? "", request.url ?? "", pages, making).then(send, (error: unknown) => {
        failed(error);
        send(json(500, { error: "it failed: the error log says why" }));
      });
    },
  );
  firstOnly(server);
  server.maxConnections = MOST_CLIENTS;
  server.on("connect", (_request, socket) => {
    socket.on("error", () => undefined);
    socket.end("HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  let unlink: () => void = () => undefined;
  if (address.kind === "unix") unlink = await listenPrivately(server, address.path, 0o666, flag);
  else if (address.kind === "tcp") await listenOn(server, address.host, address.port);
  server.on("error", () => undefined);
  server.unref();
  let closed: Promise<void> | null = null;
  const bound = server.address();
  const real: Address =
    bound === null || typeof bound === "string"
      ? address
      : { kind: "tcp", host: bound.address, port: bound.port };
  return {
    url: real.kind === "tcp" ? `http://${formatPlace(real)}` : formatPlace(real),
    close() {
      closed ??= new Promise((resolve) => {
        unlink();
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      return closed;
    },
  };
}

function listenOn(server: http.Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function answerTo(
  method: string,
  url: string,
  pages: Pages,
  making: Map<string, Promise<Page>>,
): Promise<Page> {
  const path = url.split("?", 1)[0] ?? "";
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (page === undefined) return json(404, { error: "there is no such path", paths: Object.keys(pages) });
  if (method !== "GET" && method !== "HEAD") return json(405, { error: `${path} takes GET` });
  // A thousand who ask at once cost hardly more than one.
  const alike = making.get(path);
  if (alike !== undefined) return await alike;
  const made = page();
  if (!(made instanceof Promise)) return made;
  making.set(path, made);
  try {
    return await made;
  } finally {
    making.delete(path);
  }
}
