// Tells the arbiter which files the application imported, under --reload.

import type { Config } from "../config/config.ts";
import { entryFiles, trackImports } from "../interfaces/loader/imported.ts";
import type { ToArbiter } from "../ipc/messages.ts";

export interface ImportReports {
  /** Tells what is new. */
  now(): void;
  /** The application did not load: tells all that may mend it. */
  failed(): void;
}

/** How often what was imported later is looked for, in milliseconds. */
const INTERVAL = 250;

export function reportImports(config: Config, send: (message: ToArbiter) => void): ImportReports {
  // The files may have changed between their import and the first look of who watches them.
  const since = performance.timeOrigin;
  const imports = trackImports();
  const tell = (paths: readonly string[]): void => {
    if (paths.length > 0) send({ type: "files", paths, since });
  };
  const now = (): void => tell(imports.take());
  // Before anything can hang.
  tell(entryFiles(config.app ?? "", config.chdir));
  setInterval(now, INTERVAL).unref();
  // An application that ends the process while it loads.
  process.on("exit", now);
  return {
    now,
    failed() {
      imports.failed();
      now();
    },
  };
}
