// The files of deploy/, and what they hold.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ROOT } from "../process/server.ts";

export const DEPLOY = join(ROOT, "deploy");
const SCHEMAS = join(ROOT, "test/deploy/schemas");

/** What a parsed file may hold. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };

export interface Content {
  readonly documents: readonly Value[];
  readonly problems: readonly string[];
}

export const text = (path: string): string => readFileSync(join(DEPLOY, path), "utf8");

export const filesIn = (folder: string): string[] =>
  readdirSync(join(DEPLOY, folder)).map((name) => `${folder}/${name}`);

/** True where the packages that read the files are installed; elsewhere the test is skipped, or fails under REQUIRE_PEERS=1. */
export function hasSchemas(t: TestContext): boolean {
  if (existsSync(join(SCHEMAS, "node_modules"))) return true;
  const message = "not installed: test/deploy/schemas/node_modules";
  if (process.env.REQUIRE_PEERS === "1") throw new Error(message);
  t.skip(message);
  return false;
}

export const SCHEMA_PACKAGES = join(SCHEMAS, "node_modules");

/** Reads and checks files of deploy/, in the order in which they are named. */
export function read(...paths: readonly string[]): readonly Content[] {
  const printed = execFileSync(process.execPath, ["read.mjs", ...paths.map((path) => join(DEPLOY, path))], {
    cwd: SCHEMAS,
    encoding: "utf8",
  });
  return JSON.parse(printed);
}

/** What lies at the end of `keys`; undefined where there is nothing. */
export function at(value: Value | undefined, ...keys: readonly (string | number)[]): Value | undefined {
  let here: Value | undefined = value;
  for (const key of keys) {
    if (typeof here !== "object" || here === null) return undefined;
    here = Object.entries(here).find(([name]) => name === String(key))?.[1];
  }
  return here;
}

/** The list at the end of `keys`; empty where there is none. */
export function list(value: Value | undefined, ...keys: readonly (string | number)[]): readonly Value[] {
  const found = at(value, ...keys);
  return Array.isArray(found) ? found : [];
}
