// The channel between arbiter and worker, typed at both ends. What arrives is checked: it comes from outside.

import type { ToArbiter, ToWorker } from "./messages.ts";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** True for a message that a worker sends. */
export function isToArbiter(message: unknown): message is ToArbiter {
  if (!isObject(message)) return false;
  switch (message.type) {
    case "hello":
    case "ready":
      return true;
    case "beat":
      return message.rss === undefined || typeof message.rss === "number";
    case "files":
      return (
        Array.isArray(message.paths) &&
        message.paths.every((path) => typeof path === "string") &&
        typeof message.since === "number"
      );
    case "bootFailed":
      return (message.status === 3 || message.status === 4) && typeof message.reason === "string";
    case "retire":
      return typeof message.reason === "string";
    case "leaving":
      return (message.ending === "left" || message.ending === "stuck") && typeof message.reason === "string";
    default:
      return false;
  }
}

/** True for a message that the arbiter sends. An `init` is trusted beyond its outline: only the arbiter holds the channel. */
export function isToWorker(message: unknown): message is ToWorker {
  if (!isObject(message)) return false;
  switch (message.type) {
    case "announce":
    case "quit":
    case "reopenLogs":
      return true;
    case "loglevel":
      return typeof message.level === "string";
    case "drain":
      return message.idle === "keep" || message.idle === "part" || message.idle === "close";
    case "tls":
      return isObject(message.material) && Array.isArray(message.material.certificates);
    case "init":
      return isObject(message.identity) && isObject(message.config) && Array.isArray(message.listeners);
    default:
      return false;
  }
}

/** What is used of `process` in a worker. */
export interface ChannelProcess {
  readonly connected: boolean;
  send?(
    message: unknown,
    handle: undefined,
    options: undefined,
    callback: (error: Error | null) => void,
  ): boolean;
  on(event: "message", listener: (message: unknown) => void): unknown;
  on(event: "disconnect", listener: () => void): unknown;
}

/** A worker's end. */
export interface WorkerChannel {
  /** Resolves when the message is on its way or the arbiter is gone: a worker has nobody to tell then. */
  send(message: ToArbiter): Promise<void>;
  onMessage(listener: (message: ToWorker) => void): void;
  /** The arbiter is gone. */
  onEnd(listener: () => void): void;
}

export function workerChannel(own: ChannelProcess): WorkerChannel {
  return {
    send(message) {
      return new Promise((sent) => {
        if (!own.connected || own.send === undefined) return sent();
        try {
          own.send(message, undefined, undefined, () => sent());
        } catch {
          // It closed between the check and the call.
          sent();
        }
      });
    },
    onMessage(listener) {
      own.on("message", (message) => {
        if (isToWorker(message)) listener(message);
      });
    },
    onEnd(listener) {
      own.on("disconnect", listener);
    },
  };
}
