// Turns development's reload on and off. What does the work, and what it needs, is loaded only when it is on.

import type { Config } from "../config/config.ts";
import type { ErrorLog } from "../log/error-log.ts";
import type { Reloader } from "./reloader.ts";

interface Imported {
  readonly paths: readonly string[];
  readonly since: number;
}

export interface Reloading {
  /** What a worker imported. */
  readonly imported: (files: Imported) => void;
  /** Watches, or not, as the configuration has it. */
  follow(config: Config): void;
  close(): void;
}

export function createReloading(log: ErrorLog, reload: () => void): Reloading {
  let wanted: Config | null = null;
  let reloader: Reloader | null = null;
  let loading = false;
  /** What came before the reloader: of the generation on trial that turns it on, and while it was being loaded. */
  let early: Imported[] = [];

  const load = async (): Promise<void> => {
    const { createReloader } = await import("./reloader.ts");
    if (wanted === null) return;
    reloader = createReloader({ config: wanted, log, reload });
    for (const { paths, since } of early.splice(0)) reloader.imported(paths, since);
  };
  const close = (): void => {
    wanted = null;
    early = [];
    reloader?.close();
    reloader = null;
  };

  return {
    imported(files) {
      if (reloader !== null) reloader.imported(files.paths, files.since);
      else early.push(files);
    },
    follow(config) {
      if (!config.reload) return close();
      wanted = config;
      if (reloader !== null) return reloader.follow(config);
      if (loading) return;
      loading = true;
      const done = (): void => {
        loading = false;
      };
      load()
        .catch((error: unknown) => log.exception("Files can't be watched for changes", error))
        .finally(done);
    },
    close,
  };
}
