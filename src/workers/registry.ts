// The name of a worker class -> the kind of worker.

import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { nearest } from "../config/nearest.ts";
import { serverError } from "../errors.ts";
import type { WorkerKind } from "./contract.ts";

/** Each loads on its own, so that a worker holds only what it uses. */
const KINDS: ReadonlyMap<string, () => Promise<WorkerKind>> = new Map([
  ["sync", async () => (await import("./sync.ts")).sync],
  ["threaded", async () => (await import("./threaded.ts")).threaded],
  ["eventloop", async () => (await import("./eventloop.ts")).eventloop],
]);

/** Gunicorn's names for classes that are the same. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["gthread", "threaded"],
  ["asgi", "eventloop"],
  ["gevent", "eventloop"],
  ["async", "eventloop"],
]);

export const workerClassNames: readonly string[] = [...KINDS.keys()];

/** Imports a module of the user's, TypeScript or not. */
export type ImportModule = (path: string) => Promise<unknown>;

const importNatively: ImportModule = (path) => import(pathToFileURL(path).href);

/** True for the path of a worker class of the user's own. */
export const isWorkerPath = (name: string): boolean => /[./\\]/.test(name) || isAbsolute(name);

/**
 * Checks a worker class without loading it: undefined where it is known or its file exists.
 * @throws WORKER_CLASS_UNKNOWN, WORKER_CLASS_FAILED
 */
export function checkWorkerClass(name: string, cwd: string): void {
  if (KINDS.has(ALIASES.get(name) ?? name)) return;
  if (!isWorkerPath(name)) {
    throw serverError("WORKER_CLASS_UNKNOWN", {
      name,
      known: workerClassNames,
      nearest: nearest(name, [...KINDS.keys(), ...ALIASES.keys()]),
    });
  }
  const path = resolve(cwd, name);
  if (!existsSync(path)) throw serverError("WORKER_CLASS_FAILED", { path, reason: "does not exist" });
}

/**
 * Loads a worker class by its name, or by the path of a module whose default export (or `worker`) is a WorkerKind.
 * @throws WORKER_CLASS_UNKNOWN, WORKER_CLASS_FAILED
 */
export async function loadWorkerKind(
  name: string,
  cwd: string,
  importModule: ImportModule = importNatively,
): Promise<WorkerKind> {
  checkWorkerClass(name, cwd);
  const load = KINDS.get(ALIASES.get(name) ?? name);
  if (load !== undefined) return load();
  const path = resolve(cwd, name);
  let loaded: unknown;
  try {
    loaded = await importModule(path);
  } catch (error) {
    const { describeFailure } = await import("../interfaces/loader/failure.ts");
    const reason = `it can't be loaded:\n${await describeFailure(error, path)}`;
    throw serverError("WORKER_CLASS_FAILED", { path, reason }, error);
  }
  const kind = candidates(loaded).find(isWorkerKind);
  if (kind === undefined) {
    const reason = "its default export is no worker class: expected an object { name, serve(context) }";
    throw serverError("WORKER_CLASS_FAILED", { path, reason });
  }
  return kind;
}

function candidates(loaded: unknown): readonly unknown[] {
  if (typeof loaded !== "object" || loaded === null) return [loaded];
  const exported: unknown = "default" in loaded ? loaded.default : undefined;
  const named: unknown = "worker" in loaded ? loaded.worker : undefined;
  return [exported, named, loaded];
}

function isWorkerKind(value: unknown): value is WorkerKind {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    typeof value.name === "string" &&
    "serve" in value &&
    typeof value.serve === "function"
  );
}
