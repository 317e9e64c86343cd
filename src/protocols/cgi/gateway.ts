// What the engines of uwsgi, FastCGI and SCGI have in common: their connections, the time those may take, and their end.

import type { Socket } from "node:net";
import { isUnixSocket } from "../../os/descriptor.ts";
import { createDrain } from "../drain.ts";
import type { Engine, EngineOptions } from "../engine.ts";
import { afterReading } from "../idle.ts";
import { createOpenConnections } from "../open.ts";
import { compileNetworks } from "../trust/networks.ts";
import { Link, type Talk } from "./link.ts";
import { type Refusal, WireError } from "./refusal.ts";

export interface Gateway {
  /** For the log. */
  readonly name: string;
  /** Milliseconds a connection may be idle between requests. */
  readonly keepalive: number;
  open(link: Link): Talk;
}

interface Open {
  readonly link: Link;
  readonly talk: Talk;
  readonly socket: Socket;
  place: number;
}

/** Said of a connection that sends neither a whole head nor an end. */
const LATE: Refusal = { status: 408, reason: "The request's head did not arrive in time" };

export function createGateway(options: EngineOptions, { name, keepalive, open }: Gateway): Engine {
  const { config, onConnectionClosed, log } = options;
  const trusts = compileNetworks(config.forwardedAllowIps);
  const links = createOpenConnections<Open>();
  const headTime = config.headerTimeout === 0 ? Number.POSITIVE_INFINITY : config.headerTimeout * 1_000;
  let clock: NodeJS.Timeout | undefined;

  const drain = createDrain({
    connections: links,
    keepalive,
    lastAnswers() {
      for (const { talk } of links) talk.last();
    },
    closeIdle() {
      // One that has said nothing yet gets the time for it.
      for (const { link, socket } of links) if (link.idle && socket.bytesRead > 0) link.finish();
    },
    halfHeads: () =>
      [...links]
        .filter(({ link }) => link.waiting === "head")
        .map(({ link, talk }) => ({ stream: link.stream, refuse: () => talk.refuse(LATE) })),
    finished: () => clearInterval(clock),
  });

  const refuse = (link: Link, talk: Talk, refusal: Refusal): void => {
    log.warning(`Invalid request from ip=${link.peer.address}: ${refusal.reason}`);
    talk.refuse(refusal);
  };

  const overdue = (link: Link, talk: Talk): void => {
    const { stream, waiting } = link;
    if (waiting === "end") return void stream.destroy();
    // A request, or the rest of one, may have come while this process did something else.
    afterReading(() => {
      if (link.waiting !== waiting || performance.now() <= link.until) return;
      if (waiting === "head") refuse(link, talk, LATE);
      else stream.destroy();
    });
  };

  const sweep = (): void => {
    const now = performance.now();
    for (const { link, talk } of links) if (now > link.until) overdue(link, talk);
  };

  return {
    accept(stream: Socket, accepted: Socket = stream) {
      const link = new Link(stream, accepted, headTime);
      if (!trusts(link.peer.address, isUnixSocket(accepted))) {
        const why = `only addresses in forwardedAllowIps may speak ${name}, for it tells who the client is`;
        // One without an address has reset the connection, as a front does that only looks whether somebody listens.
        if (link.peer.address !== "") log.warning(`Refused ip=${link.peer.address}: ${why}`);
        stream.destroy();
        return onConnectionClosed?.(accepted);
      }
      const talk = open(link);
      const entry: Open = { link, talk, socket: stream, place: -1 };
      links.add(entry);
      clock ??= setInterval(sweep, Math.min(1_000, Math.max(50, headTime / 4))).unref();
      if (drain.active) talk.last();
      stream.on("data", (chunk: Buffer) => {
        if (link.waiting === "end") return;
        try {
          talk.read(chunk);
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
          refuse(link, talk, error.refusal);
        }
      });
      stream.on("drain", () => talk.flowed());
      // Fronts don't close one half of a connection: who ends it does not wait for the answer.
      stream.on("end", () => stream.destroy());
      stream.on("error", () => undefined);
      stream.on("close", () => {
        links.delete(entry);
        talk.closed();
        onConnectionClosed?.(accepted);
        if (drain.active) drain.check();
      });
    },
    get connections() {
      return links.size;
    },
    drain: (idle, accepting) => drain.start(idle, accepting),
    stop() {
      for (const { socket } of links) socket.destroy();
      clearInterval(clock);
      clock = undefined;
      drain.check();
    },
  };
}
