// How a connection that was accepted becomes a socket, where net.Server's own way of it is dear.

import { channel } from "node:diagnostics_channel";
import net from "node:net";
import { isAccepting, isNoDelaySettable, type ListenHandle } from "./handles.ts";

/**
 * Node 20's V8 gives the options of each socket that net.Server makes a hidden class of their own, since the constructor copies
 * them and adds the last three. Whatever looks at them misses its caches then: 13 us of a connection's 80. With the three in
 * their place from the start it takes 0.4 us. Later versions have it at once.
 */
const DEAR = process.versions.node.startsWith("20.");

/** The handle is node's own option, which its type does not show. */
const AcceptedSocket: new (options: object) => net.Socket = net.Socket;

/** On Linux an accepted socket has its listener's options. */
const INHERITS = process.platform === "linux";

/** Where those look who trace a process: https://nodejs.org/api/diagnostics_channel.html#event-netserversocket */
const traced = channel("net.server.socket");

/**
 * Has `server`, which accepts by `handle`, make its sockets at less cost; for sockets that are half open and without delay. It
 * does not count them, so that its close() waits for none.
 */
export function acceptCheaply(server: net.Server, handle: ListenHandle, dear = DEAR): void {
  if (!dear || !isAccepting(handle)) return;
  const asNode = handle.onconnection;
  const inherited = INHERITS && isNoDelaySettable(handle) && handle.setNoDelay(true) === 0;
  handle.onconnection = (error, client) => {
    if (error !== 0 || client === undefined) return asNode.call(handle, error, client);
    if (!inherited && isNoDelaySettable(client)) client.setNoDelay(true);
    const socket = new AcceptedSocket({
      handle: client,
      allowHalfOpen: true,
      pauseOnCreate: false,
      readable: true,
      writable: true,
      noDelay: true,
      emitClose: false,
      autoDestroy: true,
      decodeStrings: false,
    });
    server.emit("connection", socket);
    if (traced.hasSubscribers) traced.publish({ socket });
  };
}
