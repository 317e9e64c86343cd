// The gates of all listeners, opened, paused and closed as one.

import type { Socket } from "node:net";
import type { IdlePolicy, ListenerSpec } from "../ipc/messages.ts";
import { type Gate, openGate } from "../os/gate.ts";
import { lastCall } from "./last-call.ts";

export interface Gates {
  /** Hands over no more connections: they wait in the kernel's queue, for this worker or another. */
  pause(): void;
  resume(): void;
  /**
   * Closes the gates for a drain, and resolves when they are. With `keep` that is at once: others take what waits. With
   * `close`, when the whole server stops, and with `part`, what waits in the kernel's queue is handed over first. `free` says whether
   * the worker could take another connection at the moment; after a second or so it gets the rest all the same.
   */
  finish(idle: IdlePolicy, free: () => boolean): Promise<void>;
  /** Closes the gates at once. */
  close(): void;
}

/** Opens paused. Throws where a descriptor can't be listened on; then none is left open. */
export function openGates(
  listeners: readonly ListenerSpec[],
  backlog: number,
  onConnection: (socket: Socket, listener: ListenerSpec) => void,
): Gates {
  const gates: Gate[] = [];
  let accepted = 0;
  /** They stay open, whatever the worker says. */
  let wide = false;
  let finished: Promise<void> | undefined;
  const each = (act: (gate: Gate) => void): void => {
    for (const gate of gates) act(gate);
  };
  const close = (): void => each((gate) => gate.close());
  try {
    for (const listener of listeners) {
      const accept = (socket: Socket): void => {
        accepted++;
        onConnection(socket, listener);
      };
      gates.push(openGate({ fd: listener.fd, backlog, onConnection: accept }));
    }
  } catch (error) {
    close();
    throw error;
  }
  const resume = (): void => each((gate) => gate.resume());
  return {
    pause() {
      if (!wide) each((gate) => gate.pause());
    },
    resume,
    async finish(idle, free) {
      if (idle === "keep") return close();
      const openWide = (): void => {
        wide = true;
        resume();
      };
      finished ??= lastCall({ accepted: () => accepted, free, openWide }).then(close);
      await finished;
    },
    close,
  };
}
