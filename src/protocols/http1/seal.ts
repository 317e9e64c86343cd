// A response that was answered in the application's stead. Node would throw where the application still sets a header,
// and emit an error, which ends the process where nobody listens, where it still writes.

import type { ServerResponse } from "node:http";

const itself = function <Response>(this: Response): Response {
  return this;
};
/** As a response does whose client is gone. */
const no = (): boolean => false;
const nothing = (): void => undefined;

/** Own properties, since Express puts another prototype under every response. */
const SEALED: PropertyDescriptorMap = Object.fromEntries(
  Object.entries({
    setHeader: itself,
    setHeaders: itself,
    appendHeader: itself,
    writeHead: itself,
    end: itself,
    removeHeader: nothing,
    flushHeaders: nothing,
    addTrailers: nothing,
    writeContinue: nothing,
    writeProcessing: nothing,
    writeEarlyHints: nothing,
    write: no,
  }).map(([name, value]) => [name, { value, configurable: true, writable: true, enumerable: false }]),
);

export function sealResponse(res: ServerResponse): void {
  Object.defineProperties(res, SEALED);
  // What is logged is what was sent.
  const { statusCode } = res;
  Object.defineProperty(res, "statusCode", { get: () => statusCode, set: nothing, configurable: true });
}
