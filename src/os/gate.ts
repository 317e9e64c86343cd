// Accepts connections from an inherited listening descriptor, and stops and goes on accepting at no cost, so that
// what one worker can't take stays in the kernel's queue for another.

import cluster from "node:cluster";
import net from "node:net";
import { acceptCheaply } from "./accept.ts";
import { hasHandle, type ListenHandle, listenHandle } from "./handles.ts";

export interface GateOptions {
  readonly fd: number;
  readonly backlog: number;
  readonly onConnection: (socket: net.Socket) => void;
  /**
   * How accepting is paused. `unpoll` takes the socket out of the event loop. `hold`, for a Node.js where that does
   * not work, goes on accepting and keeps the connections unread until resume(): none is lost, but an idle sibling
   * can't take them. Default: unpoll where it works.
   */
  readonly mechanism?: "unpoll" | "hold";
}

export interface Gate {
  readonly mechanism: "unpoll" | "hold";
  /** Hands over no more connections. May be called inside `onConnection`: then that connection was the last. */
  pause(): void;
  resume(): void;
  /** Ends accepting for good. What was accepted already is handed over. */
  close(): void;
}

/** Opens paused. Throws where the descriptor is no listening socket. */
export function openGate(options: GateOptions): Gate {
  // As http.Server's own: https://nodejs.org/api/http.html, which gets these sockets.
  const server = net.createServer({ allowHalfOpen: true, noDelay: true });
  listenHere(server, options.fd, options.backlog);
  // An accept that fails (EMFILE) leaves the client in the queue, for later or for a sibling.
  server.on("error", () => undefined);
  const handle = listenHandle(server);
  if (handle !== undefined) acceptCheaply(server, handle);
  // libuv gives a listening handle that was opened from a descriptor the stream's flags too, so that read_start and
  // read_stop act on its poll. 0 says that it works; any other answer, that this libuv is different.
  const works = options.mechanism !== "hold" && handle !== undefined && handle.readStart() === 0;
  return works ? unpollingGate(server, handle, options) : holdingGate(server, options);
}

/** In a cluster worker listen() asks the primary for a handle, unless node takes the process for the primary. */
function listenHere(server: net.Server, fd: number, backlog: number): void {
  const { isPrimary } = cluster;
  let failure: Error | undefined;
  server.once("error", (error) => {
    failure = error;
  });
  // Read-only in its type alone.
  Reflect.set(cluster, "isPrimary", true);
  try {
    // The `backlog` option would be ignored here; the argument is not.
    server.listen({ fd }, backlog);
  } finally {
    Reflect.set(cluster, "isPrimary", isPrimary);
  }
  if (!hasHandle(server)) throw failure ?? new Error(`descriptor ${fd} can't be listened on`);
}

function unpollingGate(server: net.Server, handle: ListenHandle, options: GateOptions): Gate {
  handle.readStop();
  server.on("connection", options.onConnection);
  let closed = false;
  return {
    mechanism: "unpoll",
    pause() {
      if (!closed) handle.readStop();
    },
    resume() {
      // EALREADY where it is open: harmless.
      if (!closed) handle.readStart();
    },
    close() {
      if (closed) return;
      closed = true;
      server.close();
    },
  };
}

function holdingGate(server: net.Server, options: GateOptions): Gate {
  const held: net.Socket[] = [];
  let paused = true;
  let closed = false;
  server.on("connection", (socket) => {
    if (!paused || closed) options.onConnection(socket);
    else held.push(socket);
  });
  const handOver = (): void => {
    while (!paused) {
      const socket = held.shift();
      if (socket === undefined) return;
      if (!socket.destroyed) options.onConnection(socket);
    }
  };
  return {
    mechanism: "hold",
    pause() {
      paused = true;
    },
    resume() {
      if (closed) return;
      paused = false;
      handOver();
    },
    close() {
      if (closed) return;
      closed = true;
      server.close();
      for (const socket of held.splice(0)) options.onConnection(socket);
    },
  };
}
