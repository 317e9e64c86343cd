// From an application, whatever its interface, to a handler of exchanges.

import type { Config, InterfaceName } from "../config/config.ts";
import { ServerError, serverError } from "../errors.ts";
import type { Handler } from "../protocols/exchange.ts";
import type { AsgiLog, AsgiSettings } from "./asgi/handler.ts";
import { detect, framework, isCallable, type Shape } from "./detect.ts";
import { type NodeReady, type NodeShape, nodeReady } from "./node.ts";

export interface AdaptContext {
  /** Where `wsgi.errors` and what is wrong with an application's answers are told. */
  readonly log: AsgiLog;
  /** Whether there are several worker processes: `wsgi.multiprocess`. */
  readonly multiprocess: boolean;
  /** Whether a process calls it in several threads: `wsgi.multithread`. Default false. */
  readonly multithread?: boolean;
  /** How ASGI applications are served. Default: by the specification, without limits. */
  readonly asgi?: AsgiSettings;
  /** `SERVER_SOFTWARE`: the product and its version. Default `tgunicorn`. */
  readonly software?: string;
  /** Which headers with underscores in their names become variables. Default: none. */
  readonly headers?: Pick<Config, "headerMap" | "forwarderHeaders">;
}

/** An application that can be served. */
export interface Adapted {
  readonly handle: Handler;
  /** Whether it takes the upgrade to a protocol; undefined where it takes none. */
  readonly upgrades: ((protocol: string) => boolean) | undefined;
  /** To be called before the first request, and after the last. */
  readonly startup?: () => Promise<void>;
  readonly shutdown?: () => Promise<void>;
}

const ASGI: AsgiSettings = { lifespan: "auto", patience: 0, maxSize: 0, pingInterval: 0, pingTimeout: 0 };

/**
 * Makes what serves `app`. Applications that have to be started (Fastify, Nest) are started. Throws
 * APP_SHAPE where the application does not fit the interface, and what its start throws.
 */
export async function adapt(app: unknown, name: InterfaceName, context: AdaptContext): Promise<Adapted> {
  const shape = name === "auto" ? detect(app) : told(app, name);
  switch (shape.kind) {
    case "fetch": {
      // Node loads its own implementation of the standard when it is first touched: measured 13 ms.
      const { fetchHandler } = await import("./fetch.ts");
      return plain(fetchHandler(shape.app));
    }
    case "wsgi": {
      const { wsgiHandler } = await import("./wsgi/handler.ts");
      return plain(wsgiHandler(shape.app, context));
    }
    case "asgi": {
      const { serveAsgi } = await import("./asgi/handler.ts");
      return serveAsgi(shape.app, context.asgi ?? ASGI, context.log);
    }
    default:
      return started(shape);
  }
}

const plain = (handle: Handler): Adapted => ({ handle, upgrades: undefined });

async function started(shape: NodeShape): Promise<NodeReady> {
  try {
    return await nodeReady(shape);
  } catch (error) {
    if (error instanceof ServerError) throw error;
    const { describeFailure } = await import("./loader/failure.ts");
    throw serverError(
      "APP_FAILED",
      { what: await describeFailure(error, "The application did not start") },
      error,
    );
  }
}

/** An application whose interface was told: a bare function is taken as such, whatever it looks like. */
function told(app: unknown, name: Exclude<InterfaceName, "auto">): Shape {
  const known = framework(app);
  switch (name) {
    case "node":
      if (known !== undefined && known.kind !== "fetch") return known;
      if (isCallable(app)) return { kind: "node", app };
      throw unfit(name, "a function (req, res), or an Express, Koa, Fastify or Nest application");
    case "fetch":
      if (known?.kind === "fetch") return known;
      if (isCallable(app)) return { kind: "fetch", app: { fetch: app } };
      throw unfit(name, "an object with a fetch(request) method, or that function");
    case "wsgi":
      if (isCallable(app)) return { kind: "wsgi", app };
      throw unfit(name, "a function (environ, startResponse)");
    case "asgi":
      if (isCallable(app)) return { kind: "asgi", app };
      throw unfit(name, "a function (scope, receive, send)");
  }
}

function unfit(name: string, wanted: string): Error {
  return serverError("APP_SHAPE", {
    what: `The application does not fit --interface ${name}`,
    write: `That wants ${wanted}`,
  });
}
