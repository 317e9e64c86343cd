// Two arbiters on the same sockets: how the new one is started, and what either must leave to the other.

import { type ChildProcess, spawn } from "node:child_process";
import type { Environment } from "../config/layers.ts";
import { bequeath, type PassedSocket } from "../os/inherited.ts";
import { inodeOf, inodesOf } from "../os/inode.ts";
import type { BoundSocket } from "../os/sockets.ts";
import { answers } from "../os/unix-path.ts";
import type { Event } from "./events.ts";

/** How this server was started: the new one is started the same way. */
export interface Origin {
  readonly cwd: string;
  /** The path of the program that Node.js runs. */
  readonly program: string;
  /** The environment as it was then. */
  readonly env: Environment;
}

export interface HandoverOptions {
  readonly origin: Origin;
  readonly systemd: readonly PassedSocket[];
  /** The arbiter that started this one to take its place; null where there is none. */
  readonly elder: number | null;
  /** Its sockets. */
  readonly handed: readonly BoundSocket[];
  readonly emit: (event: Event) => void;
}

export interface Handover {
  /**
   * Starts an arbiter from the code on the disk that serves on the same sockets; it is told by `upgrade…` events.
   * `prepare` runs before, and cancels the start by a rejection. `sockets` are those open by then; null where none are.
   */
  start(prepare: () => unknown, sockets: () => readonly BoundSocket[] | null): void;
  /**
   * Those at which the arbiter that this one has started serves on, so that what waits there can be left to it. The other way round nothing
   * is: both may be told to stop at the same time, and then who waits has to be somebody's.
   */
  left(sockets: readonly BoundSocket[]): readonly BoundSocket[];
  /** Stops listening on the socket. While the other arbiter serves on it, too, a unix socket's path is left to it. */
  part(socket: BoundSocket): void;
  /**
   * Parts with all of them on the way out. Of two arbiters that end at the same time neither can know that the other
   * does; but whoever is second to stop listening finds that nobody listens, and removes the path.
   */
  leave(sockets: readonly BoundSocket[]): Promise<void>;
}

export function createHandover(options: HandoverOptions): Handover {
  const { emit, elder } = options;
  const shared = new Set(options.handed);
  let younger: ChildProcess | null = null;

  const start = (sockets: readonly BoundSocket[]): void => {
    const { descriptors, variables } = bequeath(options.systemd, sockets, process.pid);
    const { cwd, env, program } = options.origin;
    const child = spawn(process.execPath, [...process.execArgv, program, ...process.argv.slice(2)], {
      cwd,
      env: { ...env, ...variables },
      stdio: [0, 1, 2, ...descriptors],
    });
    child.on("error", (error) => {
      if (child.pid !== undefined) return;
      younger = null;
      emit({ type: "upgradeFailed", reason: `${error.message}, in ${cwd}` });
    });
    const { pid } = child;
    if (pid === undefined) return;
    younger = child;
    for (const socket of sockets) shared.add(socket);
    child.on("exit", (code, signal) => {
      younger = null;
      emit({ type: "upgradeExited", pid, code, signal });
    });
    emit({ type: "upgradeSpawned", pid });
  };

  return {
    start(prepare, sockets) {
      const prepared = async (): Promise<void> => {
        await prepare();
        const open = sockets();
        if (open === null) return emit({ type: "upgradeFailed", reason: "the arbiter stops" });
        // The new one would take whatever is at such a path for the socket's own.
        start(open.filter((socket) => socket.isReachable()));
      };
      prepared().catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        emit({ type: "upgradeFailed", reason });
      });
    },
    left(sockets) {
      if (younger?.pid === undefined) return [];
      const held = inodesOf(younger.pid);
      return sockets.filter((socket) => shared.has(socket) && isAmong(held, socket));
    },
    part(socket) {
      const together = younger !== null || (elder !== null && livesAsParent(elder));
      if (together && shared.has(socket)) socket.release();
      else socket.close();
    },
    async leave(sockets) {
      for (const socket of sockets) {
        socket.release();
        const path = shared.has(socket) ? pathOf(socket) : null;
        if (path === null || !(await answers(path))) socket.close();
      }
    },
  };
}

/** Also where that can't be known. */
function isAmong(held: ReadonlySet<string> | null, { fd }: BoundSocket): boolean {
  const inode = inodeOf(fd);
  return held === null || inode === undefined || held.has(inode);
}

const pathOf = ({ requested }: BoundSocket): string | null =>
  requested.startsWith("unix:") ? requested.slice("unix:".length) : null;

/** True while the process that started this one lives: then, and only then, it is the parent. */
export function livesAsParent(pid: number): boolean {
  return process.ppid === pid;
}

/** How often the new arbiter looks whether the old one is still there, in milliseconds. */
const LOOK_EVERY = 200;

/** Calls `gone` once, when the parent `pid` has ended. Returns how to stop looking. */
export function watchParent(pid: number, gone: () => void): () => void {
  const timer = setInterval(() => {
    if (livesAsParent(pid)) return;
    clearInterval(timer);
    gone();
  }, LOOK_EVERY);
  return () => clearInterval(timer);
}
