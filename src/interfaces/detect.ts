// Which interface an application speaks, told from its shape. Only unambiguous shapes are recognised.

import { inspect } from "node:util";
import { serverError } from "../errors.ts";
import { INTERFACE } from "./wsgi.ts";

export type Callable = (...args: unknown[]) => unknown;

export type Shape =
  | { readonly kind: "node"; readonly app: Callable }
  | { readonly kind: "koa"; readonly app: { callback: Callable } }
  | { readonly kind: "fastify"; readonly app: { ready: Callable; routing: Callable; server?: unknown } }
  | {
      readonly kind: "nest";
      readonly app: { init: Callable; getHttpAdapter: Callable; getHttpServer?: unknown };
    }
  | { readonly kind: "server"; readonly app: OwnServer }
  | { readonly kind: "fetch"; readonly app: { fetch: Callable } }
  | { readonly kind: "wsgi"; readonly app: Callable }
  | { readonly kind: "asgi"; readonly app: Callable };

/** A server of Node's that does not listen: whoever attaches to it is called by its events. */
export interface OwnServer {
  readonly emit: Callable;
  readonly listenerCount: Callable;
  readonly [key: string]: unknown;
}

const HOW = [
  "Export one of: an Express, Koa, Fastify, Hono or Nest application; an object with fetch(request);",
  'wsgi((environ, startResponse) => ...) or asgi(async (scope, receive, send) => ...), both from "tgunicorn";',
  "a server of node:http that does not listen; or Node's (req, res) => ...",
].join(" ");

/** Recognises the application. Throws APP_SHAPE, saying what to write, for what is none or could be several things. */
export function detect(app: unknown): Shape {
  const known = framework(app) ?? marked(app);
  if (known !== undefined) return known;
  if (isCallable(app) && !isClass(app)) return bareFunction(app);
  throw serverError("APP_SHAPE", {
    what: `The application is ${describe(app)}`,
    write: `${hint(app)}${HOW}`,
  });
}

/** The shapes that say by themselves what they are, whatever interface was asked for. */
export function framework(app: unknown): Shape | undefined {
  if (hasMethods(app, "getHttpAdapter", "init")) return { kind: "nest", app };
  if (hasMethods(app, "ready", "routing", "inject")) return { kind: "fastify", app };
  if (hasMethods(app, "callback", "use") && Array.isArray(app.middleware)) return { kind: "koa", app };
  // Express and Connect: the application is the request listener.
  if (isCallable(app) && hasMethods(app, "handle", "use")) return { kind: "node", app };
  if (hasMethods(app, "closeIdleConnections", "listen", "emit", "listenerCount")) return ownServer(app);
  if (hasMethods(app, "fetch")) return { kind: "fetch", app };
  return undefined;
}

function ownServer(app: OwnServer): Shape {
  if (app.listening === true) {
    throw serverError("APP_SHAPE", {
      what: "The application is a server that listens by itself",
      write: "Leave listen() out: tgunicorn has the sockets, and gives the server its requests",
    });
  }
  return { kind: "server", app };
}

function marked(app: unknown): Shape | undefined {
  if (!isCallable(app)) return undefined;
  const mark: unknown = Reflect.get(app, INTERFACE);
  if (mark === "wsgi" || mark === "asgi") return { kind: mark, app };
  if (mark === undefined) return undefined;
  throw serverError("APP_SHAPE", {
    what: `The application is marked for the interface ${inspect(mark)}, which is not served yet in this version`,
    write: HOW,
  });
}

function bareFunction(app: Callable): Shape {
  if (app.length === 2) return { kind: names(app, WSGI) ? "wsgi" : "node", app };
  if (app.length === 3) {
    if (names(app, ASGI)) return { kind: "asgi", app };
    throw serverError("APP_SHAPE", {
      what: "The application is a function of three arguments, which are not called scope, receive and send",
      write:
        "If it is ASGI's, mark it with asgi() from \"tgunicorn\" or say --interface asgi; if it is a (req, res, next) handler of Node's, say --interface node",
    });
  }
  const write: Readonly<Record<number, string>> = {
    0: "If it makes the application, have it called: module:name(). If it answers requests, say how with --interface node, fetch, wsgi or asgi",
    1: "If it is a fetch handler, export { fetch: handler } or say --interface fetch",
  };
  throw serverError("APP_SHAPE", {
    what: `The application is ${describe(app)} of ${app.length} argument${app.length === 1 ? "" : "s"}, which could be anything`,
    write: write[app.length] ?? HOW,
  });
}

/** Names of parameters that nobody gives to anything else; with an underscore before those that are not used. */
const parameters = (...called: readonly string[]): RegExp =>
  new RegExp(`^[^()]*\\(\\s*_?${called.join("\\s*,\\s*_?")}\\s*,?\\s*\\)`);
const WSGI = parameters("environ", "(?:startResponse|start_response)");
const ASGI = parameters("scope", "receive", "send");

const names = (app: Callable, wanted: RegExp): boolean => wanted.test(Function.prototype.toString.call(app));

function hint(app: unknown): string {
  if (isCallable(app)) return "Make an instance of the class, or export a function that does. ";
  if (app instanceof Promise) return "Await it. ";
  if (hasMethods(app, "listen", "address", "close")) {
    return "A server of another kind can't be served; export the request listener that it was made with. ";
  }
  return "";
}

function describe(app: unknown): string {
  if (isCallable(app)) return `${isClass(app) ? "the class" : "the function"} ${app.name || "(anonymous)"}`;
  return inspect(app, { depth: 0, breakLength: Number.POSITIVE_INFINITY }).slice(0, 200);
}

export function isCallable(value: unknown): value is Callable {
  return typeof value === "function";
}

const isClass = (value: Callable): boolean => /^class\b/.test(Function.prototype.toString.call(value));

type WithMethods<Name extends string> = Record<Name, Callable> & Record<string, unknown>;

export function hasMethods<Name extends string>(
  value: unknown,
  ...names: readonly Name[]
): value is WithMethods<Name> {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  return names.every((name) => typeof Reflect.get(value, name) === "function");
}
