// What a PROXY header has told of a connection, kept on its socket.

import type { Socket } from "node:net";

export interface Told {
  readonly address: string;
  readonly port: number;
  readonly family: "IPv4" | "IPv6";
  /** The client came to the proxy over TLS. */
  readonly encrypted: boolean;
}

const told: unique symbol = Symbol("told");

declare module "node:net" {
  interface Socket {
    [told]?: Told;
  }
}

export const toldOf = (socket: Socket): Told | undefined => socket[told];

/** From now on the socket's remote end is the client. For TLS over such a socket: `tell(secure, toldOf(socket))`. */
export function tell(socket: Socket, facts: Told | undefined): void {
  if (facts === undefined) return;
  socket[told] = facts;
  const own = (value: unknown): PropertyDescriptor => ({ value, configurable: true, writable: true });
  Object.defineProperties(socket, {
    remoteAddress: own(facts.address),
    remotePort: own(facts.port),
    remoteFamily: own(facts.family),
  });
}
