// Reads a configuration file for nothing: see trial.ts.

import { parentPort, workerData } from "node:worker_threads";
import type { TrialOrder } from "./trial.ts";

const { path, cwd }: TrialOrder = workerData;

async function read(): Promise<void> {
  // Not bundled with this file, as src/root.ts says where it lies by its own place.
  const [{ readFile }, { privateCache }] = await Promise.all([
    import("../config/file.ts"),
    import("../os/cache.ts"),
  ]);
  await readFile(path, { env: process.env, cwd }, privateCache("config"));
}

const done = (): void => parentPort?.postMessage("done");
read().then(done, done);
