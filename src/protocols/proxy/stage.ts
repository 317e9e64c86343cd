// Takes the PROXY header off connections: from then on their remote end is whom the proxy speaks for.

import { Socket } from "node:net";
import type { Config } from "../../config/config.ts";
import { isUnixSocket } from "../../os/descriptor.ts";
import { peek } from "../peek.ts";
import { compileNetworks } from "../trust/networks.ts";
import type { WaitingRoom } from "../waiting.ts";
import { type ProxyVersions, parseProxyHeader } from "./header.ts";
import { tell } from "./told.ts";

export interface ProxyStageOptions {
  readonly versions: ProxyVersions;
  readonly config: Pick<Config, "proxyAllowIps">;
  readonly waiting: WaitingRoom;
  readonly log: { warning(message: string): void };
}

/** Calls `next` when the header is off, or it is sure that there is none: as Gunicorn does, both are served. */
export function createProxyStage(
  options: ProxyStageOptions,
): (socket: Socket, next: (socket: Socket) => void) => void {
  const { versions, config, waiting, log } = options;
  const allowed = compileNetworks(config.proxyAllowIps);

  return (socket, next) => {
    waiting.enter(socket);
    const refuse = (why: string): void => {
      log.warning(`PROXY header from ip=${socket.remoteAddress ?? ""} refused: ${why}`);
      socket.destroy();
    };
    peek(socket, (bytes) => {
      const parsed = parseProxyHeader(bytes, versions);
      if (parsed.kind === "more") return undefined;
      return () => {
        if (parsed.kind === "malformed") return refuse(parsed.reason);
        if (parsed.kind === "header") {
          const peer = socket.remoteAddress ?? "";
          if (!allowed(peer, isUnixSocket(socket))) {
            // It has reset the connection, as a proxy does that only looks whether somebody listens.
            return peer === "" ? void socket.destroy() : refuse("proxyAllowIps does not name it");
          }
          socket.read(parsed.length);
          withoutHeader(socket, parsed.length);
          tell(socket, parsed.client);
        }
        waiting.leave(socket);
        next(socket);
      };
    });
  };
}

const bytesRead = Object.getOwnPropertyDescriptor(Socket.prototype, "bytesRead")?.get;

/** Who has sent nothing but the header is as silent as who has sent nothing: both are closed in the same way. */
function withoutHeader(socket: Socket, length: number): void {
  if (bytesRead === undefined) return;
  Object.defineProperty(socket, "bytesRead", {
    configurable: true,
    get: () => Number(bytesRead.call(socket)) - length,
  });
}
