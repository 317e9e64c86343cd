// Serves a WSGI application: calls it, sends what it gives, and closes that.

import { describeError } from "../../log/stack.ts";
import type { Exchange, Handler } from "../../protocols/exchange.ts";
import { requestLength } from "../answer.ts";
import type { Callable } from "../detect.ts";
import { type AddHeaders, compileHeaders, type HeaderSettings, makeEnviron } from "./environ.ts";
import { ErrorStream } from "./errors.ts";
import { Input, READ_AHEAD, readAhead, unread } from "./input.ts";
import { sendPieces } from "./pieces.ts";
import { WsgiResponse } from "./response.ts";

export interface WsgiContext {
  readonly log: { warning(message: string): void; error(message: string): void };
  readonly multiprocess: boolean;
  readonly multithread?: boolean;
  readonly software?: string;
  /** Which headers with underscores reach the environ. Default: none. */
  readonly headers?: HeaderSettings;
}

const STRICT: HeaderSettings = { headerMap: "drop", forwarderHeaders: [] };

export function wsgiHandler(app: Callable, context: WsgiContext): Handler {
  const addHeaders = compileHeaders(context.headers ?? STRICT);
  const ready = { ...context, addHeaders };
  return (exchange) => {
    const length = requestLength(exchange);
    if (length === 0) return run(app, exchange, new Input(), ready);
    if (length !== undefined && length > READ_AHEAD) return run(app, exchange, unread(exchange.body), ready);
    return readAhead(exchange.body).then((input) => run(app, exchange, input, ready));
  };
}

interface Ready extends WsgiContext {
  readonly addHeaders: AddHeaders;
}

/** Synchronous from end to end where the application is: then no promise is made. */
function run(app: Callable, exchange: Exchange, input: Input, context: Ready): void | Promise<void> {
  const { log, multiprocess, multithread = false, software = "tgunicorn", addHeaders } = context;
  const errors = new ErrorStream((line) => log.error(line));
  const response = new WsgiResponse(exchange, (message) => log.warning(message));
  const environ = makeEnviron(exchange, {
    input,
    errors,
    multiprocess,
    multithread,
    software,
    addHeaders,
  });
  exchange.environ = environ;
  let answering: void | Promise<void>;
  try {
    const body = app(environ, response.start);
    answering =
      body instanceof Promise
        ? body.then((settled: unknown) => answer(exchange, response, settled, log))
        : answer(exchange, response, body, log);
  } finally {
    errors.flush();
  }
  return answering?.finally(() => errors.flush());
}

function answer(
  exchange: Exchange,
  response: WsgiResponse,
  body: unknown,
  log: WsgiContext["log"],
): void | Promise<void> {
  const whole = asWhole(body);
  if (whole === undefined || response.headSent) return answerInPieces(exchange, response, whole ?? body, log);
  let closing: void | Promise<void>;
  try {
    response.sendWhole(whole.filter((chunk) => response.wants(chunk)));
  } finally {
    closing = close(body, log);
  }
  return closing;
}

async function answerInPieces(
  exchange: Exchange,
  response: WsgiResponse,
  body: unknown,
  log: WsgiContext["log"],
): Promise<void> {
  try {
    await sendPieces(exchange, response, body);
  } finally {
    await close(body, log);
  }
}

/** A body that is all there. A plain string or bytes mean the same as an array of that one. */
function asWhole(body: unknown): readonly unknown[] | undefined {
  if (Array.isArray(body)) return body;
  return typeof body === "string" || body instanceof Uint8Array ? [body] : undefined;
}

/** The answer is complete or lost by now: a failure to close changes nothing about it and is told in the log. */
function close(body: unknown, log: WsgiContext["log"]): void | Promise<void> {
  if (typeof body !== "object" || body === null || !("close" in body) || typeof body.close !== "function")
    return;
  const failed = (error: unknown): void =>
    log.error(`The close() of the application's answer failed\n${describeError(error)}`);
  try {
    const closing: unknown = Reflect.apply(body.close, body, []);
    if (closing instanceof Promise) return closing.then(() => {}, failed);
  } catch (error) {
    failed(error);
  }
}
