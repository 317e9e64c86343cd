// A response that was answered in the application's stead. Node would throw where the application still sets a header,
// and emit an error, which ends the process where nobody listens, where it still writes.

import type { ServerResponse } from "node:http";
import { tellLeftOut } from "./left-out.ts";

const itself = function <Response>(this: Response): Response {
  return this;
};
/** These two as a response does whose client is gone. */
const write = (...args: readonly unknown[]): boolean => {
  tellLeftOut("ERR_STREAM_DESTROYED", ...args);
  return false;
};
const end = function <Response>(this: Response, ...args: readonly unknown[]): Response {
  tellLeftOut("ERR_STREAM_DESTROYED", ...args);
  return this;
};
const nothing = (): void => undefined;

/** Own properties, since Express puts another prototype under every response. */
const SEALED: PropertyDescriptorMap = Object.fromEntries(
  Object.entries({
    setHeader: itself,
    setHeaders: itself,
    appendHeader: itself,
    writeHead: itself,
    end,
    removeHeader: nothing,
    flushHeaders: nothing,
    addTrailers: nothing,
    writeContinue: nothing,
    writeProcessing: nothing,
    writeEarlyHints: nothing,
    write,
    // What was sent is not what the application gives: a pipeline into it that begins only now fails, as where the client is gone,
    // instead of waiting for ever, its source open.
    writableFinished: false,
  }).map(([name, value]) => [name, { value, configurable: true, writable: true, enumerable: false }]),
);

export function sealResponse(res: ServerResponse): void {
  Object.defineProperties(res, SEALED);
  // What is logged is what was sent.
  const { statusCode } = res;
  Object.defineProperty(res, "statusCode", { get: () => statusCode, set: nothing, configurable: true });
}
