// Messages as UDP datagrams. The socket is connected, so that names are looked up once and refusals are heard of.

import { createSocket } from "node:dgram";
import { lookup } from "node:dns";
import { errorReason } from "../descriptor.ts";
import type { Link, LinkEvents } from "./outlet.ts";

export interface DatagramOptions {
  readonly host: string;
  readonly port: number;
  /** Puts messages together into datagrams of at most `longest` bytes; by default each is one. */
  readonly pack?: (messages: readonly string[], longest: number) => readonly Packet[];
}

export interface Packet {
  readonly text: string;
  /** How many messages it holds. */
  readonly count: number;
}

/**
 * What fits a packet of an Ethernet, and, where none has to carry it, what daemons read at once by default, in bytes:
 * https://docs.datadoghq.com/developers/dogstatsd/high_throughput/
 */
const PACKET = 1_432;
const LOCAL = 8_192;

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1";

const alone = (messages: readonly string[]): readonly Packet[] =>
  messages.map((text) => ({ text, count: 1 }));

/** Each link takes the next of the host's addresses: `localhost` may have one that nobody listens on. */
export function datagrams({ host, port, pack = alone }: DatagramOptions): (events: LinkEvents) => Link {
  let attempt = 0;
  return (events) => {
    let socket: ReturnType<typeof createSocket> | undefined;
    let closed = false;
    let longest = PACKET;
    const end = (): void => {
      if (closed) return;
      closed = true;
      socket?.close();
    };
    const down = (error: unknown): void => {
      if (closed) return;
      end();
      events.down(errorReason(error));
    };
    lookup(host, { all: true }, (error, addresses) => {
      if (closed) return;
      const found = addresses?.[attempt++ % addresses.length];
      if (error !== null || found === undefined) return down(error ?? new Error("it has no address"));
      socket = createSocket(found.family === 6 ? "udp6" : "udp4");
      if (isLoopback(found.address)) longest = LOCAL;
      socket.on("error", down);
      socket.connect(port, found.address, () => {
        if (closed) return;
        socket?.unref();
        events.up();
      });
    });
    return {
      close: end,
      send(messages, done) {
        const packets = pack(messages, longest);
        let left = packets.length;
        let lost = 0;
        let reason = "";
        const sent = (count: number, error: Error | null): void => {
          if (error !== null) {
            lost += count;
            reason = errorReason(error);
          }
          if (--left > 0) return;
          done(lost, reason);
          // A datagram that was too long says nothing of the others.
          if (lost > 0 && reason !== "EMSGSIZE") down(new Error(reason));
        };
        for (const { text, count } of packets) {
          if (closed || socket === undefined) sent(count, new Error("its link is gone"));
          else socket.send(text, (error) => sent(count, error));
        }
      },
    };
  };
}
