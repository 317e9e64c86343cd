// The programs of others that tests speak with: nginx, Apache, HAProxy, curl and so on. `.ci/peers` installs them.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ROOT } from "../process/server.ts";

/**
 * True where each of `programs` is on the PATH. Where one is missing the test is skipped with one line, or fails where
 * REQUIRE_PEERS=1 says that none may be missing.
 */
export function hasPeers(t: TestContext, ...programs: readonly string[]): boolean {
  return isWhole(
    t,
    programs.filter((program) => !isThere(program)),
  );
}

/**
 * The same for an example with packages of its own: `parts` are what its installation leaves in its directory,
 * `node_modules` where nothing else is said.
 */
export function hasExample(t: TestContext, name: string, ...parts: readonly string[]): boolean {
  const wanted = (parts.length === 0 ? ["node_modules"] : parts).map((part) => join("examples", name, part));
  return isWhole(
    t,
    wanted.filter((path) => !existsSync(join(ROOT, path))),
  );
}

function isWhole(t: TestContext, missing: readonly string[]): boolean {
  if (missing.length === 0) return true;
  const message = `not installed: ${missing.join(", ")}`;
  if (process.env.REQUIRE_PEERS === "1") throw new Error(message);
  t.skip(message);
  return false;
}

const known = new Map<string, boolean>();

function isThere(program: string): boolean {
  let found = known.get(program);
  if (found === undefined) {
    try {
      execFileSync("/bin/sh", ["-c", 'command -v "$0"', program], {
        stdio: "ignore",
        env: { PATH: searched() },
      });
      found = true;
    } catch {
      found = false;
    }
    known.set(program, found);
  }
  return found;
}

/** Servers lie where only root's PATH looks. */
export const searched = (): string => `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;
