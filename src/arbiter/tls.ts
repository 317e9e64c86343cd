// TLS as the arbiter has it. What reads certificates is loaded only where some are named.

import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Config } from "../config/config.ts";
import type { Resolved } from "../config/resolve.ts";
import type { TlsMaterial } from "../config/tls-material.ts";
import { type Problem, serverError } from "../errors.ts";

/** What a generation serves TLS with. */
export interface LoadedTls {
  readonly material: TlsMaterial;
  /** What it was read from, as absolute paths. */
  readonly files: readonly string[];
  /** Of the files, from before they were read. */
  readonly stamp: string;
}

/**
 * Reads what a configuration serves TLS with; null where it speaks none.
 * @throws CONFIG_INVALID with every problem and its origin.
 */
export async function loadTls(
  resolved: Resolved,
  warn: (message: string) => void,
): Promise<LoadedTls | null> {
  const { config, hooks, origins } = resolved;
  if (config.certfile.length === 0 && hooks.sslContext === undefined) return null;
  const files = filesOf(config);
  const stamp = await stampOf(files);
  const { readTls } = await import("./certificates.ts");
  const { material, findings } = readTls(config);
  const problems: Problem[] = [];
  for (const { severity, setting, what } of findings) {
    const problem = { origin: origins[setting] ?? "default", setting, what };
    if (severity === "error") problems.push(problem);
    else warn(`${problem.origin}: ${setting}: ${what}`);
  }
  if (problems.length > 0) throw serverError("CONFIG_INVALID", { problems });
  return { material, files, stamp };
}

function filesOf({ chdir, certfile, keyfile, caCerts }: Config): readonly string[] {
  const named = [...certfile, ...keyfile, ...(caCerts === null ? [] : [caCerts])];
  return [...new Set(named.map((path) => resolve(chdir, path)))];
}

/** Another text as soon as one of the files has other content; links are followed. */
export async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = files.map(async (path) => {
    const found = await stat(path, { bigint: true }).catch(() => undefined);
    if (found === undefined) return "none";
    const { dev, ino, size, mtimeNs, ctimeNs } = found;
    return [dev, ino, size, mtimeNs, ctimeNs].join(":");
  });
  return (await Promise.all(stamps)).join(" ");
}
