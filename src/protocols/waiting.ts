// Connections that are not an engine's yet: it is still open what is spoken on them, or a handshake is under way.

import type { Socket } from "node:net";
import { afterReading, DAWDLING, SILENCE } from "./idle.ts";

export interface WaitingRoom {
  readonly size: number;
  /**
   * Undone by leave() or the connection's end. One that stays longer than `limit` is destroyed; as in a drain, what has come
   * in by then is read first.
   */
  enter(socket: Socket): void;
  leave(socket: Socket): void;
  /** Resolves when `accepting` has and nobody is left; soon after that those who dawdle are destroyed. */
  drain(accepting: Promise<void> | undefined): Promise<void>;
  /** Destroys all. */
  stop(): void;
}

export interface WaitingOptions {
  /** In milliseconds; 0 is none. */
  readonly limit: number;
  /** The connection has ended here, and never came to an engine. */
  readonly onClosed: (socket: Socket) => void;
  readonly onLate: (socket: Socket) => void;
}

export function createWaitingRoom({ limit, onClosed, onLate }: WaitingOptions): WaitingRoom {
  const present = new Map<Socket, NodeJS.Timeout | undefined>();
  const emptied: (() => void)[] = [];

  const leave = (socket: Socket): boolean => {
    if (!present.has(socket)) return false;
    clearTimeout(present.get(socket));
    present.delete(socket);
    socket.off("close", closed);
    socket.off("error", ignore);
    if (present.size === 0) for (const tell of emptied.splice(0)) tell();
    return true;
  };
  /** Who turns out to have sent more, when what has come in is read, is spared this once and has a moment to go on. */
  const endLate = (socket: Socket, end: () => void): void => {
    const { bytesRead } = socket;
    afterReading(() => {
      if (!present.has(socket)) return;
      if (socket.bytesRead === bytesRead) return end();
      clearTimeout(present.get(socket));
      present.set(socket, setTimeout(end, DAWDLING).unref());
    });
  };
  const endSilent = (): void => {
    for (const socket of [...present.keys()]) if (socket.bytesRead === 0) socket.destroy();
  };
  const endDawdling = (): void => {
    for (const socket of present.keys()) endLate(socket, () => socket.destroy());
  };
  function closed(this: Socket): void {
    if (leave(this)) onClosed(this);
  }

  return {
    get size() {
      return present.size;
    },
    enter(socket) {
      // One stage hands over to the next: the time is for all of them.
      if (present.has(socket)) return;
      const late = (): void => {
        onLate(socket);
        socket.destroy();
      };
      present.set(socket, limit === 0 ? undefined : setTimeout(endLate, limit, socket, late).unref());
      socket.on("close", closed);
      socket.on("error", ignore);
    },
    leave,
    async drain(accepting) {
      await accepting;
      const timers = [setTimeout(() => afterReading(endSilent), SILENCE), setTimeout(endDawdling, DAWDLING)];
      // Who leaves for the next stage is back at once.
      while (present.size > 0) {
        await new Promise<void>((resolve) => {
          emptied.push(resolve);
        });
      }
      for (const timer of timers) clearTimeout(timer);
    },
    stop() {
      for (const socket of [...present.keys()]) socket.destroy();
    },
  };
}

/** `close` follows. */
const ignore = (): void => undefined;
