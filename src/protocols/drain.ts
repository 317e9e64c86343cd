// Lets the connections of an engine come to their end, whatever is spoken on them.

import type { Socket } from "node:net";
import type { IdlePolicy } from "./engine.ts";
import { afterReading, DAWDLING, SILENCE } from "./idle.ts";

/** How often idle connections are looked for, in milliseconds. */
const INTERVAL = 50;
/**
 * How long idle connections stay where they are to be closed: a client in the midst of its work sends the next request
 * within this time, and the answer tells it to come no more. Closed at once, it would lose that request.
 */
const LINGER = 250;

export interface DrainOptions {
  /** `stream` is what is spoken on, where that is not the accepted socket itself. */
  readonly connections: Iterable<{ readonly socket: Socket; readonly stream?: Socket }> & {
    readonly size: number;
  };
  /** How long an idle connection may wait for a request, in milliseconds. */
  readonly keepalive: number;
  /** Called once at the start: from now on each connection's next answer is its last. */
  lastAnswers(): void;
  /** Ends the connections without a request or an answer under way. */
  closeIdle(): void;
  /** Those on which a part of a request's head has come, and no request is under way. */
  halfHeads(): readonly HalfHead[];
  /** Called when the last connection is gone. */
  finished?(): void;
}

export interface HalfHead {
  readonly stream: Socket;
  /** Ends its connection: half a head is no request in flight. */
  refuse(): void;
}

export interface Drain {
  readonly active: boolean;
  /** Resolves when `accepting` has and the last connection is gone. `close` after `keep` hurries it on. */
  start(idle: IdlePolicy, accepting?: Promise<void>): Promise<void>;
  /** To be called after each connection's end. */
  check(): void;
}

export function createDrain({ connections, keepalive, ...engine }: DrainOptions): Drain {
  let policy: IdlePolicy | undefined;
  let timer: NodeJS.Timeout | undefined;
  let finished: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finished = resolve;
  });
  let idleUntil = 0;
  let silentUntil = 0;
  let accepting = 0;
  let dawdlersAt = 0;
  /** What those with half a head had sent by the last look. */
  let halves: ReadonlyMap<Socket, number> = new Map();

  const look = (): void => afterReading(endIdle);
  const endDawdling = (): void => {
    dawdlersAt = performance.now() + DAWDLING;
    const found = new Map<Socket, number>();
    for (const { stream, refuse } of engine.halfHeads()) {
      if (halves.get(stream) === stream.bytesRead) refuse();
      else found.set(stream, stream.bytesRead);
    }
    halves = found;
  };
  const endIdle = (): void => {
    if (performance.now() >= dawdlersAt) endDawdling();
    if (policy === "close" && performance.now() >= idleUntil) engine.closeIdle();
    if (accepting > 0 || performance.now() < silentUntil) return;
    for (const { socket, stream = socket } of connections) if (stream.bytesRead === 0) stream.destroy();
  };

  const check = (): void => {
    if (policy === undefined || accepting > 0 || connections.size > 0) return;
    clearInterval(timer);
    engine.finished?.();
    finished();
  };

  return {
    get active() {
      return policy !== undefined;
    },
    start(idle, until) {
      if (until !== undefined) {
        accepting++;
        // Also those that came last get the time to send their request.
        void until.then(() => {
          accepting--;
          silentUntil = Math.max(silentUntil, performance.now() + SILENCE);
          check();
        });
      }
      if (policy === undefined) {
        engine.lastAnswers();
        timer = setInterval(look, INTERVAL);
        timer.unref();
      }
      if (policy !== "close") {
        policy = idle;
        idleUntil = performance.now() + LINGER;
        silentUntil = performance.now() + (idle === "close" ? SILENCE : Math.max(SILENCE, keepalive));
        look();
      }
      check();
      return done;
    },
    check,
  };
}
