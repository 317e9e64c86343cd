// Connections over TLS that are broken without a word.
//
// Before Node 26 a write that fails below TLS while HTTP/2 waits for it is told to nobody, and as HTTP/2 does not read while it
// waits, the client's end is not seen either: the request stays in flight for ever. It shows in one thing alone: TLS has bytes
// to send, and the connection below it has none. Seen on Node 20.20, 22.23 and 24.21; 26 tells.

import { queuedBytes } from "../../os/handles.ts";
import type { Http2Connection } from "./connection.ts";

const LOSES_WRITES = Number.parseInt(process.versions.node, 10) < 26;
/** How often it is looked for, in milliseconds. */
const EVERY = 1_000;
/** A process that was stopped may see the same moment twice: nothing has been sent between two looks then. */
const LOOKS = 3;

/** Looks at `connections` while there are any, and calls `onLost` with those that are broken. */
export interface LostWrites {
  /** A connection has joined. */
  joined(connection: Http2Connection): void;
  /** One has left. */
  left(): void;
}

export function watchForLostWrites(
  connections: ReadonlySet<Http2Connection>,
  onLost: (connection: Http2Connection) => void,
): LostWrites {
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    for (const connection of connections) {
      connection.stuck = connection.open > 0 && isStuck(connection) ? connection.stuck + 1 : 0;
      if (connection.stuck === LOOKS) onLost(connection);
    }
  };
  return {
    joined({ encrypted }) {
      if (LOSES_WRITES && encrypted) timer ??= setInterval(look, EVERY).unref();
    },
    left() {
      if (connections.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };
}

const isStuck = ({ stream, socket, encrypted }: Http2Connection): boolean =>
  encrypted && queuedBytes(stream) > 0 && queuedBytes(socket) === 0;
