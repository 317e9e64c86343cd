#!/usr/bin/env node
// The bin: argv in, exit status out.

import { catchSignals } from "./arbiter/signals.ts";
import { exit } from "./cli/exit.ts";

// First of all, before anything slow is imported: from here on no signal meets its default action.
const signals = catchSignals((signal) => {
  if (signal === "SIGTERM" || signal === "SIGINT" || signal === "SIGQUIT") exit(0);
});

const { main } = await import("./cli/main.ts");
exit(await main(process.argv.slice(2), signals));
