// What of node:http is needed and not documented. Checked at run time, on every supported release by the tests.

import type { IncomingMessage } from "node:http";

/** Gives a request that node's parser has not made its headers: `headers` and its like are made from them when asked for. */
export function setRawHeaders(req: IncomingMessage, rawHeaders: string[]): void {
  const add: unknown = Reflect.get(req, "_addHeaderLines");
  if (typeof add !== "function")
    throw new Error("this version of Node.js has no IncomingMessage that can be filled");
  Reflect.apply(add, req, [rawHeaders, rawHeaders.length]);
}
