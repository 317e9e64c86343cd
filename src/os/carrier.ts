// The connection that TLS lies over, which node keeps to itself.

import { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** Undefined where this version of node has it elsewhere. */
export function carrierOf(secured: TLSSocket): Socket | undefined {
  const carrier: unknown = Reflect.get(secured, "_parent");
  return carrier instanceof Socket ? carrier : undefined;
}
