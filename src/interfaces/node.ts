// Applications that answer Node's own pair: (req, res), Express, Koa, Fastify, Nest, a server that does not listen.

import type { IncomingMessage, ServerResponse } from "node:http";
import { serverError } from "../errors.ts";
import type { Exchange, Handler } from "../protocols/exchange.ts";
import { framework, hasMethods, type OwnServer, type Shape } from "./detect.ts";

/** Node's request listener. A promise it returns is waited for; if it rejects, the request has failed. */
export type NodeApplication = (req: IncomingMessage, res: ServerResponse) => unknown;

/** The hot path: nothing is made per request that the application does not make itself. */
export function nodeHandler(app: NodeApplication): Handler {
  return (exchange) => {
    const { req, res } = exchange.node();
    const result = app(req, res);
    if (!isThenable(result)) return undefined;
    return result instanceof Promise ? result : Promise.resolve(result).then(ignore);
  };
}

const ignore = (): void => {};

/** What Node's own server does with requests, for one that never listens: whoever listens to it is called. */
export function serverHandler(server: OwnServer): Handler {
  return (exchange) => {
    const { upgrade } = exchange;
    const { req, res } = exchange.node();
    if (upgrade === undefined) {
      if (server.emit("request", req, res) === false) noListener(exchange);
      return;
    }
    const { socket, head } = upgrade.take();
    server.emit("upgrade", req, socket, head);
  };
}

/** As ws answers plain requests where nothing but WebSockets is served. */
function noListener(exchange: Exchange): void {
  const body = "Upgrade Required\n";
  exchange.head(426, undefined, ["Content-Type", "text/plain", "Content-Length", String(body.length)]);
  exchange.end(body);
}

/** Node hands every upgrade to who listens for any; curl asks for h2c by itself, and nobody means that. */
const nodeUpgrades = (protocol: string): boolean => protocol !== "h2c";

export interface NodeReady {
  readonly handle: Handler;
  readonly upgrades: ((protocol: string) => boolean) | undefined;
}

/**
 * Makes an application ready. What has attached to its own server (ws, socket.io) is called by that server's events,
 * otherwise the listener alone: nothing stands between it and a request.
 */
export async function nodeReady(shape: NodeShape): Promise<NodeReady> {
  const listener = shape.kind === "server" ? undefined : await nodeListener(shape);
  const server = shape.kind === "server" ? shape.app : ownServer(shape);
  const attached = Number(server?.listenerCount("upgrade") ?? 0) > 0;
  if (server !== undefined && (attached || listener === undefined)) {
    return { handle: serverHandler(server), upgrades: attached ? nodeUpgrades : undefined };
  }
  return { handle: nodeHandler(listener ?? nobody), upgrades: undefined };
}

const nobody: NodeApplication = () => undefined;

/** The server that a framework has made for itself. */
function ownServer(shape: NodeShape): OwnServer | undefined {
  const server: unknown =
    shape.kind === "nest"
      ? callMethod(shape.app, shape.app.getHttpServer)
      : shape.kind === "fastify"
        ? shape.app.server
        : undefined;
  return isOwnServer(server) ? server : undefined;
}

const isOwnServer = (value: unknown): value is OwnServer => hasMethods(value, "emit", "listenerCount");

function isThenable(value: unknown): value is PromiseLike<void> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

export type NodeShape = Extract<Shape, { kind: "node" | "koa" | "fastify" | "nest" | "server" }>;

/** The request listener of a framework's application, which is made ready first. Throws what its start throws. */
async function nodeListener(shape: Exclude<NodeShape, { kind: "server" }>): Promise<NodeApplication> {
  switch (shape.kind) {
    case "node":
      return listener(shape.app, "The application");
    case "koa":
      return listener(shape.app.callback(), "Koa's callback()");
    case "fastify":
      await shape.app.ready();
      // `routing` works upon the instance it is taken from. https://fastify.dev/docs/latest/Reference/Server/#routing
      return listener(shape.app.routing, "Fastify's routing");
    case "nest":
      return nestListener(shape.app);
  }
}

async function nestListener(app: Extract<Shape, { kind: "nest" }>["app"]): Promise<NodeApplication> {
  await app.init();
  // The adapter's instance is the Express or Fastify application below.
  const adapter = app.getHttpAdapter();
  const instance =
    typeof adapter === "object" && adapter !== null && "getInstance" in adapter
      ? callMethod(adapter, adapter.getInstance)
      : undefined;
  const below = framework(instance);
  if (below?.kind === "node" || below?.kind === "fastify") return nodeListener(below);
  throw serverError("APP_SHAPE", {
    what: "The Nest application stands upon an HTTP adapter that is not known here",
    write: "Use the Express or the Fastify adapter",
  });
}

function callMethod(owner: unknown, method: unknown): unknown {
  return typeof method === "function" ? Reflect.apply(method, owner, []) : undefined;
}

function listener(value: unknown, name: string): NodeApplication {
  if (isListener(value)) return value;
  throw serverError("APP_SHAPE", {
    what: `${name} is not a function`,
    write: "A request listener (req, res) is needed",
  });
}

const isListener = (value: unknown): value is NodeApplication => typeof value === "function";
