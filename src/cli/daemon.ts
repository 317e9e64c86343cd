// --daemon: this command starts the server in the background, waits until it serves, and ends.

import { type ChildProcess, spawn } from "node:child_process";
import { fstatSync } from "node:fs";
import { isatty } from "node:tty";
import type { Origin } from "../arbiter/handover.ts";
import type { SignalSource } from "../arbiter/signals.ts";
import type { Config } from "../config/config.ts";
import { bequeathPassed, type PassedSocket } from "../os/inherited.ts";

/** What the server tells the command that waits for it. */
type Report =
  | { readonly type: "ready" }
  | { readonly type: "said"; readonly level: "Warning" | "Error"; readonly text: string };

function isReport(message: unknown): message is Report {
  if (typeof message !== "object" || message === null || !("type" in message)) return false;
  if (message.type === "ready") return true;
  return (
    message.type === "said" && "text" in message && typeof message.text === "string" && "level" in message
  );
}

export interface DaemonOptions {
  readonly origin: Origin;
  readonly config: Config;
  readonly systemd: readonly PassedSocket[];
  /** A signal for the command is passed on, so that an interrupted start leaves nothing behind. */
  readonly signals: SignalSource;
}

/**
 * Starts this very command again, in a session of its own and without a terminal. Resolves with 0 when all its workers
 * are ready; with its own exit status, or 1, where it ends before, after printing what it said.
 */
export function startDaemon({ origin, config, systemd, signals }: DaemonOptions): Promise<number> {
  const { descriptors, variables } = bequeathPassed(systemd, process.pid);
  const child = spawn(process.execPath, [...process.execArgv, origin.program, ...process.argv.slice(2)], {
    cwd: origin.cwd,
    env: { ...origin.env, ...variables, TGUNICORN_DAEMON: String(process.pid) },
    detached: true,
    stdio: [...descriptorsFor(config, descriptors), "ipc"],
  });
  signals.attach((signal, meaning) => {
    if (meaning.type === "stop") child.kill(isSignal(signal) ? signal : "SIGTERM");
  });
  return outcome(child);
}

/** Each has the number that it has here: `passed`, and what `bind` names by its number. */
function descriptorsFor(config: Config, passed: readonly number[]): ("ignore" | number)[] {
  const named = config.bind.flatMap((address) => (address.kind === "fd" ? [address.fd] : []));
  const same = new Set([...passed, ...named.filter(isSocket)]);
  if (config.enableStdioInheritance) for (const fd of [1, 2]) if (!isatty(fd)) same.add(fd);
  const descriptors = Array.from({ length: Math.max(2, ...same) + 1 }, (_, fd) =>
    same.has(fd) ? fd : "ignore",
  );
  // Where one is missing, the channel behind them must not be taken for it.
  while (named.includes(descriptors.length)) descriptors.push("ignore");
  return descriptors;
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}

const isSignal = (name: string): name is "SIGTERM" | "SIGINT" | "SIGQUIT" =>
  name === "SIGTERM" || name === "SIGINT" || name === "SIGQUIT";

function outcome(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.on("message", (message: unknown) => {
      if (!isReport(message)) return;
      if (message.type === "ready") return resolve(0);
      process.stderr.write(`\n${message.level}: ${message.text}\n`);
    });
    child.on("error", (error) => {
      process.stderr.write(`\nError: the server could not be started: ${error.message}\n`);
      resolve(1);
    });
    // The last words may still be in the channel, which closes after the exit.
    child.on("close", (code) => resolve(code === 0 ? 1 : (code ?? 1)));
  });
}

/** The server's end: tells the command that waits for it what its own streams can't. Silent in any other process. */
export interface Herald {
  say(level: "Warning" | "Error", text: string): void;
  /** All is well: the command may end. */
  ready(): void;
}

export function createHerald(daemon: boolean): Herald {
  const send = (report: Report, then: () => void = () => undefined): void => {
    // The command may have been killed: then there is nobody to tell.
    if (daemon && process.connected) process.send?.(report, undefined, undefined, then);
  };
  return {
    say: (level, text) => send({ type: "said", level, text }),
    ready: () =>
      send({ type: "ready" }, () => {
        if (process.connected) process.disconnect();
      }),
  };
}
