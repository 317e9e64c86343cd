// More time for a request whose application knows that it takes long.

import type { IncomingMessage } from "node:http";
import { EXCHANGE, exchangeOfRequest } from "../protocols/exchange.ts";
import type { ConnectionScope } from "./asgi.ts";
import type { Environ } from "./wsgi.ts";

/**
 * Moves the deadline that `requestTimeout` sets for a request `seconds` further; further with every call. Takes what the
 * application was called with: Node's request, a Request of the Fetch standard, a WSGI environ or an ASGI scope.
 *
 * True where the request is in flight; false where it is over, or not one of this server's.
 * Throws a RangeError where `seconds` is no number from 0 on, and a TypeError where `request` is no object.
 */
export function extendDeadline(
  request: IncomingMessage | Request | Environ | ConnectionScope,
  seconds: number,
): boolean {
  if (!isObject(request)) {
    throw new TypeError(
      `extendDeadline() takes the request, as the application was called with it, not ${String(request)}`,
    );
  }
  const own: unknown = Reflect.get(request, "tgunicorn.extendDeadline");
  return typeof own === "function" ? Reflect.apply(own, request, [seconds]) : extend(find(request), seconds);
}

/** The same for an exchange. */
export function extend(exchange: Extendable | undefined, seconds: number): boolean {
  if (!(Number.isFinite(seconds) && seconds >= 0)) {
    throw new RangeError(`extendDeadline(): seconds must be a number from 0 on, not ${String(seconds)}`);
  }
  if (exchange === undefined || exchange.over) return false;
  exchange.extraTime += seconds * 1_000;
  return true;
}

function find(request: object): Extendable | undefined {
  const own: unknown = Reflect.get(request, EXCHANGE);
  if (isExtendable(own)) return own;
  const found = exchangeOfRequest(request);
  return isExtendable(found) ? found : undefined;
}

interface Extendable {
  readonly over: boolean;
  extraTime: number;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

function isExtendable(value: unknown): value is Extendable {
  return (
    isObject(value) &&
    "over" in value &&
    typeof value.over === "boolean" &&
    "extraTime" in value &&
    typeof value.extraTime === "number"
  );
}
