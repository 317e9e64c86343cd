// Counts lines that could not be written and tells of them, at most once a minute.

import fs from "node:fs";
import { type ErrorFormat, errorFormat } from "./error-format.ts";
import type { LogOrigin } from "./record.ts";

export interface Losses {
  /** Lines lost since the start. */
  readonly total: number;
  /** Counts lost lines. */
  add(lines: number, reason: string): void;
  /** Notes a failure that has lost nothing yet. */
  note(reason: string): void;
  /** Tells of losses not yet told; `now` even within the minute. */
  report(now?: boolean): void;
  /** Passes a message on, whatever the minute. */
  warn(message: string): void;
}

const MINUTE = 60_000;

export function createLosses(name: string, warn: (message: string) => void): Losses {
  let total = 0;
  let untold = 0;
  let reason = "";
  let toldAt = Number.NEGATIVE_INFINITY;

  function safely(message: string): void {
    try {
      warn(message);
    } catch {
      // A warning is never worth a request.
    }
  }

  const due = (): boolean => performance.now() - toldAt >= MINUTE;

  function tell(what: string): void {
    toldAt = performance.now();
    safely(`${name}: ${what}`);
  }

  function report(now = false): void {
    if (untold === 0 || !(now || due())) return;
    const lines = untold;
    untold = 0;
    tell(`${lines} line${lines === 1 ? "" : "s"} lost: ${reason}`);
  }

  return {
    get total() {
      return total;
    },
    add(lines, why) {
      if (lines === 0) return;
      total += lines;
      untold += lines;
      reason = why;
      report();
    },
    note(why) {
      if (due()) tell(`${why}; lines wait in memory`);
    },
    report,
    warn: safely,
  };
}

/** The last resort where no log can be written: one attempt on stderr, in the error log's form. */
export function stderrWarning(form: "text" | "json", origin: LogOrigin): (message: string) => void {
  const line: ErrorFormat = errorFormat(form, origin);
  return (message) => {
    try {
      fs.writeSync(2, `${line({ time: Date.now(), level: "warning", message })}\n`);
    } catch {
      // Nobody is listening.
    }
  };
}

export const warnOnStderr: (message: string) => void = stderrWarning("text", { pid: process.pid });
