// HTTP/2 without TLS, by prior knowledge: RFC 9113 section 3.4. Only from peers that are trusted.

import type { Socket } from "node:net";
import { isUnixSocket } from "../../os/descriptor.ts";
import { peek } from "../peek.ts";
import type { Networks } from "../trust/networks.ts";
import type { WaitingRoom } from "../waiting.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

type Accept = (socket: Socket) => void;

export interface PrefaceOptions {
  readonly trusts: Networks;
  readonly waiting: WaitingRoom;
  readonly http1: Accept;
  readonly http2: Accept;
}

/** Makes what takes connections: each goes to the engine of what it begins with. */
export function createPrefaceStage({ trusts, waiting, http1, http2 }: PrefaceOptions): Accept {
  return (socket) => {
    if (!trusts(socket.remoteAddress ?? "", isUnixSocket(socket))) return http1(socket);
    waiting.enter(socket);
    peek(socket, (bytes) => {
      const length = Math.min(bytes.length, PREFACE.length);
      const same = bytes.compare(PREFACE, 0, length, 0, length) === 0;
      if (same && length < PREFACE.length) return undefined;
      return () => {
        waiting.leave(socket);
        (same ? http2 : http1)(socket);
      };
    });
  };
}
