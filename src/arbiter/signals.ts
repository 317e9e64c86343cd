// OS signals -> Commands, one table. Handlers only enqueue.

import { isatty } from "node:tty";
import type { Command } from "./events.ts";

export type Meaning =
  | Command
  /** `unlessUpgrading` is what it means while an upgrade is running. */
  | { readonly type: "ignored"; readonly why: string; readonly unlessUpgrading: Command };

/** What each signal means to the arbiter: Gunicorn's table. */
export function meanings(attachedToTerminal: boolean): Readonly<Record<string, Meaning>> {
  return {
    SIGTERM: { type: "stop", quick: false, signal: "term" },
    SIGINT: { type: "stop", quick: true, signal: "int" },
    SIGQUIT: { type: "stop", quick: true, signal: "quit" },
    SIGHUP: { type: "reload" },
    SIGTTIN: { type: "more" },
    SIGTTOU: { type: "fewer" },
    SIGUSR1: { type: "reopen" },
    // A terminal sends WINCH whenever its window changes size; Gunicorn obeys it only as a daemon.
    SIGWINCH: attachedToTerminal
      ? {
          type: "ignored",
          why: "the arbiter is attached to a terminal, which sends it for every change of size",
          unlessUpgrading: { type: "pause" },
        }
      : { type: "pause" },
    SIGUSR2: { type: "upgrade" },
  };
}

export interface SignalSource {
  /** Hands over every signal from now on, those that came before first. */
  attach(receiver: (signal: string, meaning: Meaning) => void): void;
}

/**
 * Catches the signals from the first moment on, so that none meets its default action.
 * `early` decides what a signal does that comes before the arbiter runs; it may end the process.
 */
export function catchSignals(early: (signal: string) => void): SignalSource {
  const table = meanings(isatty(0) || isatty(1) || isatty(2));
  const waiting: (readonly [string, Meaning])[] = [];
  let receiver: ((signal: string, meaning: Meaning) => void) | null = null;
  for (const [signal, meaning] of Object.entries(table)) {
    process.on(signal, () => {
      if (receiver !== null) return receiver(signal, meaning);
      waiting.push([signal, meaning]);
      early(signal);
    });
  }
  return {
    attach(next) {
      receiver = next;
      for (const [signal, meaning] of waiting.splice(0)) next(signal, meaning);
    },
  };
}
