// The application with everything around it: failure handling, hooks, the request limit, the access log.
// Put together once at the start, so that a request passes through nothing that isn't asked for.

import type { Config } from "../config/config.ts";
import type { AccessNeeds, AccessRecord } from "../log/access-log.ts";
import { quoteBytes } from "../log/quote.ts";
import type { Exchange, Handler } from "../protocols/exchange.ts";
import type { WorkerContext } from "./contract.ts";

export interface PipelineOptions {
  readonly app: Handler;
  readonly config: Pick<Config, "maxRequests" | "maxRequestsJitter">;
  readonly log: WorkerContext["log"] & { exception(message: string, error: unknown): void };
  readonly access: {
    readonly needs: AccessNeeds;
    write(record: AccessRecord, durationMs: number): void;
  } | null;
  readonly hooks: {
    /** May throw or reject: then the request is answered with 500. */
    readonly preRequest?: (exchange: Exchange) => unknown;
    readonly postRequest?: (exchange: Exchange) => unknown;
  };
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Counts one more request for `maxRequests`, and returns how many that makes: threads count together. Default: alone. */
  readonly count?: () => number;
  /** Called once, when the worker has taken as many requests as it may. */
  readonly retire: (reason: string) => void;
}

export interface Pipeline extends Pick<WorkerContext, "handle" | "upgraded" | "countBytes"> {
  readonly handle: Handle;
  /** The context's `over`. Whoever has asked the clock already says how many milliseconds it took. */
  readonly over: ((exchange: Exchange, took?: number) => void) | undefined;
}

export function createPipeline(options: PipelineOptions): Pipeline {
  const { access, hooks } = options;
  return {
    handle: noting(limited(preceded(guarded(options), options), options), options),
    over: ending(options),
    upgraded: undefined,
    countBytes: access?.needs.bodyBytes === true || hooks.postRequest !== undefined,
  };
}

/** A promise where the application gives one: it settles with the application's, and never rejects. */
type Handle = (exchange: Exchange) => void | Promise<void>;

/** The application's failures become answers and log lines. */
function guarded({ app, log }: PipelineOptions): Handle {
  return (exchange): ReturnType<Handle> => {
    try {
      const answering = app(exchange);
      if (answering instanceof Promise)
        return answering.catch((error: unknown) => fail(exchange, error, log));
    } catch (error) {
      fail(exchange, error, log);
    }
  };
}

function fail(
  exchange: Exchange,
  error: unknown,
  log: PipelineOptions["log"],
  what = "Error handling request",
): void {
  // Of another protocol's connection, the end is nothing that explains a failure.
  if (exchange.status !== 101 && exchange.signal.aborted) {
    const late = isTimeout(exchange.signal.reason);
    log.debug(`${late ? "Out of time" : "Client went away"} during request ${quoteBytes(exchange.target)}`);
    return;
  }
  log.exception(`${what} ${quoteBytes(exchange.target)}`, error);
  if (exchange.answered) exchange.cut();
  else exchange.answerInstead(500);
}

/** Its time was over: it has been answered in the application's stead. */
const isTimeout = (reason: unknown): boolean => reason instanceof Error && reason.name === "TimeoutError";

function preceded(handle: Handle, { hooks, log }: PipelineOptions): Handle {
  const { preRequest } = hooks;
  if (preRequest === undefined) return handle;
  const failed = (exchange: Exchange, error: unknown): void =>
    fail(exchange, error, log, "Hook preRequest failed, and so the request");
  return (exchange) => {
    try {
      const result = preRequest(exchange);
      // It is not to be async, which only a function that is written so shows before it is called.
      if (!isThenable(result)) return handle(exchange);
      return Promise.resolve(result).then(
        () => handle(exchange),
        (error: unknown) => failed(exchange, error),
      );
    } catch (error) {
      failed(exchange, error);
    }
  };
}

/** A promise of any kind: what a hook returns need not be Node's own. */
const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";

/**
 * Whoever is told of a request's end wants to know who asked, also where that is who has gone: then the connection does not
 * tell any more. It is asked once, which takes 1 us.
 */
function noting(handle: Handle, { access, hooks }: PipelineOptions): Handle {
  if (access?.needs.client !== true && hooks.postRequest === undefined) return handle;
  return (exchange) => {
    void exchange.connection.peer;
    return handle(exchange);
  };
}

/** Gunicorn's limit: `maxRequests`, and a random part of `maxRequestsJitter` so that workers don't leave together. */
function limited(handle: Handle, { config, random, retire, ...options }: PipelineOptions): Handle {
  if (config.maxRequests === 0) return handle;
  const most = config.maxRequests + Math.floor(random() * (config.maxRequestsJitter + 1));
  let alone = 0;
  const count = options.count ?? ((): number => ++alone);
  return (exchange) => {
    if (count() === most) retire(`it has taken ${most} requests`);
    return handle(exchange);
  };
}

function ending({ access, hooks, log }: PipelineOptions): Pipeline["over"] {
  const { postRequest } = hooks;
  const record = access === null ? undefined : recording(access);
  if (postRequest === undefined) return record;
  const failed = (error: unknown): void => log.exception("Hook postRequest failed", error);
  return (exchange, took) => {
    try {
      const result = postRequest(exchange);
      if (isThenable(result)) Promise.resolve(result).catch(failed);
    } catch (error) {
      failed(error);
    }
    record?.(exchange, took);
  };
}

function recording(access: NonNullable<PipelineOptions["access"]>): NonNullable<Pipeline["over"]> {
  if (!access.needs.duration) return (exchange) => access.write(exchange, 0);
  return (exchange, took = performance.now() - exchange.startedAt) => access.write(exchange, took);
}
