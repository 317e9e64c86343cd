#!/usr/bin/env node
// The bin: argv in, exit status out.

import { constants } from "node:os";
import { catchSignals } from "./arbiter/signals.ts";
import { exit } from "./cli/exit.ts";

// First of all, before anything slow is imported: from here on no signal meets its default action.
const signals = catchSignals((signal) => {
  if (signal === "SIGTERM" || signal === "SIGINT" || signal === "SIGQUIT")
    exit(isAsked() ? 128 + constants.signals[signal] : 0);
});

/** Whoever asks whether the configuration is right, or waits for a daemon to serve, must not take the end for a yes. */
function isAsked(): boolean {
  const words = [...process.argv.slice(2), process.env.GUNICORN_CMD_ARGS ?? ""].join(" ");
  return /(^|\s)(--(check|print)-config|--daemon|-\w*D)\b/.test(words);
}

const { main } = await import("./cli/main.ts");
exit(await main(process.argv.slice(2), signals));
