// Worker processes by node:cluster: spawn, tell, kill, and exactly one `exited` for each.

import type { ChildProcess } from "node:child_process";
import cluster, { type Worker } from "node:cluster";
import { existsSync } from "node:fs";
import { Socket } from "node:net";
import { isToArbiter } from "../ipc/channel.ts";
import type { Init, ToArbiter, ToWorker } from "../ipc/messages.ts";
import type { Event } from "./events.ts";
import { createPeeks, type Peeks } from "./peeks.ts";

/** How long the last messages of a dead worker may take to be read, in milliseconds. */
const LAST_MESSAGES = 500;
/** process.title can't outgrow the original command line, so the command line is made long enough for a title. */
const TITLE_ROOM = " ".repeat(96);

export interface SpawnOrder {
  readonly id: number;
  readonly init: Init;
  /** Added to the arbiter's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Listening descriptors in the arbiter, in the order that `init.listeners` counts on. */
  readonly descriptors: readonly number[];
  /** The file for what the worker counts; null where it counts nothing. */
  readonly ledger: number | null;
  /** Descriptors for the worker's stdout and stderr. */
  readonly output: readonly [number, number];
}

export interface Processes {
  spawn(order: SpawnOrder): void;
  send(id: number, message: ToWorker): void;
  /** False where there is no such process any more. */
  kill(id: number, signal: NodeJS.Signals): boolean;
  /** What the worker does: see Peeks. */
  readonly peek: Peeks["ask"];
  readonly heard: Peeks["heard"];
  pids(): readonly number[];
}

interface Child {
  readonly process: ChildProcess;
  /** What waits for the worker to listen; null once it does. */
  pending: ToWorker[] | null;
}

/** The first listening descriptor in a worker: after stdin, stdout, stderr and the IPC channel. */
export const FIRST_LISTENER_FD = 4;

type Files = Extract<ToArbiter, { readonly type: "files" }>;

/** `entry` is the file a worker process runs; every fact about a worker goes to `emit`, what it imported to `imported`. */
export function createProcesses(
  entry: string,
  emit: (event: Event) => void,
  imported: (files: Files) => void,
): Processes {
  const children = new Map<number, Child>();
  const peeks = createPeeks();

  const spawn = (order: SpawnOrder): void => {
    if (!existsSync(entry)) {
      const what =
        "this server's own program is gone from the disk; USR2 starts the one that is there now, if any";
      return stillborn(order.id, new Error(`${what} (${entry})`));
    }
    cluster.setupPrimary({
      exec: entry,
      args: [order.init.config.app ?? "", TITLE_ROOM],
      stdio: [
        "ignore",
        order.output[0],
        order.output[1],
        "ipc",
        ...order.descriptors,
        ...(order.init.peekFd === null ? [] : ["pipe" as const]),
        ...(order.ledger === null ? [] : [order.ledger]),
      ],
      serialization: "json",
    });
    let worker: Worker;
    try {
      // node:cluster raises the inspector's port for each worker, and leaves everything else alone.
      worker = cluster.fork(order.env);
    } catch (error) {
      return stillborn(order.id, error);
    }
    const child = worker.process;
    // It hands on the process's `error` events, which are dealt with there; without a listener here they would end the arbiter.
    worker.on("error", () => undefined);
    children.set(order.id, { process: child, pending: [order.init] });
    watch(order.id, child);
    // Out of descriptors or processes, or without a program: its `error` event tells. It may have no streams at all.
    if (child.pid === undefined) return;
    const peek = order.init.peekFd === null ? null : child.stdio.at(order.init.peekFd);
    if (peek instanceof Socket) peeks.add(order.id, peek);
    emit({ type: "spawned", id: order.id, pid: child.pid });
  };

  /** No process came of it. */
  const stillborn = (id: number, error: unknown): void => {
    const why = error instanceof Error ? error.message : String(error);
    emit({ type: "bootFailed", id, status: 3, reason: `A worker can't be started: ${why}` });
    emit({ type: "exited", id, code: null, signal: null });
  };

  const watch = (id: number, child: ChildProcess): void => {
    let gone = false;
    const exited = (code: number | null, signal: string | null): void => {
      if (gone) return;
      gone = true;
      children.delete(id);
      emit({ type: "exited", id, code, signal });
    };
    child.on("message", (message: unknown) => {
      if (!isToArbiter(message) || gone) return;
      if (message.type === "hello") listens(id);
      else if (message.type === "files") imported(message);
      else emit({ ...message, id });
    });
    // A process that could not be started has no exit.
    child.on("error", (error) => {
      if (child.pid !== undefined || gone) return;
      gone = true;
      children.delete(id);
      stillborn(id, error);
    });
    child.on("exit", (code, signal) => {
      // The reason of a failed boot may still be in the channel, which closes after it.
      if (!child.connected) return exited(code, signal);
      child.once("disconnect", () => exited(code, signal));
      setTimeout(() => exited(code, signal), LAST_MESSAGES);
    });
  };

  const listens = (id: number): void => {
    const child = children.get(id);
    const pending = child?.pending ?? [];
    if (child !== undefined) child.pending = null;
    for (const message of pending) send(id, message);
  };

  const send = (id: number, message: ToWorker): void => {
    const child = children.get(id);
    if (child === undefined) return;
    if (child.pending !== null) child.pending.push(message);
    // A worker that dies meanwhile is told by its exit; a full pipe is node's to queue.
    else if (child.process.connected) child.process.send(message, () => undefined);
  };

  return {
    spawn,
    send,
    peek: peeks.ask,
    heard: peeks.heard,
    kill(id, signal) {
      return children.get(id)?.process.kill(signal) ?? false;
    },
    pids: () => [...children.values()].flatMap((child) => child.process.pid ?? []),
  };
}
