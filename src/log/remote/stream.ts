// Messages over a TCP connection or a Unix stream socket.

import net from "node:net";
import { errorCode, errorReason } from "../descriptor.ts";
import type { Link, LinkEvents } from "./outlet.ts";

export type StreamPlace = { readonly host: string; readonly port: number } | { readonly path: string };

/** What a connection may take to be made, in milliseconds. */
const CONNECT = 10_000;

/** `frame` makes a message such that its end is found again. */
export function stream(place: StreamPlace, frame: (message: string) => string): (events: LinkEvents) => Link {
  return (events) => {
    const socket = net.connect({ ...place, keepAlive: true, noDelay: true });
    let over = false;
    const down = (reason: string): void => {
      if (over) return;
      over = true;
      socket.destroy();
      events.down(reason);
    };
    socket.unref();
    socket.setTimeout(CONNECT, () => down("it does not answer"));
    socket.on("connect", () => {
      socket.setTimeout(0);
      events.up();
    });
    socket.on("error", (error) => down(reasonOf(error)));
    socket.on("close", () => down("it has closed the connection"));
    // Nothing is expected; what comes all the same must not pile up, and the end must be heard of.
    socket.resume();
    return {
      close() {
        over = true;
        socket.destroy();
      },
      send(messages, done) {
        socket.write(messages.map(frame).join(""), (error) => {
          if (error === null || error === undefined) done(0, "");
          else done(messages.length, reasonOf(error));
        });
      },
    };
  };
}

/** Linux's answer where a datagram socket is asked for a stream. */
const reasonOf = (error: Error): string =>
  errorCode(error) === "EPROTOTYPE"
    ? "it is a datagram socket, which Node can't reach; use udp:// or tcp://, or, under systemd, standard error"
    : errorReason(error);
