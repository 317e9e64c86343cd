// A process namespace of its own, as a container has one: the server in it is process 1.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { within } from "../process/server.ts";

const UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];

/** True where namespaces can be made; where they can't, the test is skipped, or fails under REQUIRE_PEERS=1. */
export function hasNamespaces(t: TestContext): boolean {
  const [program = "", ...args] = UNSHARE;
  if (spawnSync(program, [...args, "true"], { stdio: "ignore" }).status === 0) return true;
  const message = "no process namespace can be made: unshare --pid is missing, or not allowed";
  if (process.env.REQUIRE_PEERS === "1") throw new Error(message);
  t.skip(message);
  return false;
}

/** A script for `start`: the server becomes process 1 of its own namespace. */
export const AS_PROCESS_1 = `exec ${UNSHARE.join(" ")} "$@"`;

/** The number by which the outside knows process 1, where `outer` is unshare's; it is there once the server has said something. */
export async function process1(outer: number): Promise<number> {
  const child = (async () => {
    for (;;) {
      for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        if (parentOf(name) === outer) return Number(name);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  return within(child, "process 1", () => "");
}

function parentOf(pid: string): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return null; // it has just ended
  }
}
