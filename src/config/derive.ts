// Settings that follow from others. The origin of the value stays: it names what a user wrote, or the default.
import type { Config } from "./config.ts";

/** `config` with what follows from it. As in Gunicorn, `--threads 4` alone makes workers threaded. */
export function derive(config: Config): Config {
  const { workerClass, threads } = config;
  const threaded = workerClass === "gthread" || (workerClass === "sync" && threads > 1);
  return threaded ? { ...config, workerClass: "threaded" } : config;
}

/** How many threads of a worker process accept connections, each from a descriptor of its own. */
export const acceptingThreads = ({
  workerClass,
  threads,
}: Pick<Config, "workerClass" | "threads">): number => (workerClass === "threaded" ? threads : 1);
