// How many processes can run at once, for `workers: "auto"`.
// Node counts the CPUs the process may be scheduled on; before libuv 1.49 (so on Node 20) it doesn't look at a
// container's CPU quota: https://docs.libuv.org/en/v1.x/misc.html#c.uv_available_parallelism
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { posix } from "node:path";
import { type Codec, int, scalar } from "./codec.ts";

/** The content of a file, or nothing where it can't be read. */
export type ReadText = (path: string) => string | undefined;

const root = "/sys/fs/cgroup";

/** A group and those it is in, the innermost first: any of them may set a limit. */
function ancestry(group: string): string[] {
  const groups: string[] = [];
  for (let at = group; ; at = posix.dirname(at)) {
    groups.push(at);
    if (at === "/" || at === ".") return groups;
  }
}

const share = (quota: string | undefined, period: string | undefined): number => {
  const cpus = Number(quota) / Number(period);
  return cpus > 0 ? cpus : Number.POSITIVE_INFINITY; // "max", -1 and missing files are no limit
};

/** The CPUs that control groups of version 1 or 2 allow this process; Infinity where there is no limit. */
export function cgroupCpus(read: ReadText): number {
  const limits = (read("/proc/self/cgroup") ?? "").split("\n").flatMap((line) => {
    const [, controllers = "", group = ""] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (group === "") return [];
    if (controllers === "") {
      return ancestry(group).map((at) => {
        const [quota, period] = (read(posix.join(root, at, "cpu.max")) ?? "").trim().split(" ");
        return share(quota, period);
      });
    }
    if (!controllers.split(",").includes("cpu")) return [];
    return ancestry(group).map((at) => {
      // The mount may name the controllers in another order, but has a link for each.
      const file = (name: string) =>
        (read(posix.join(root, controllers, at, name)) ?? read(posix.join(root, "cpu", at, name)))?.trim();
      return share(file("cpu.cfs_quota_us"), file("cpu.cfs_period_us"));
    });
  });
  return Math.min(Number.POSITIVE_INFINITY, ...limits);
}

const readText: ReadText = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // not Linux, or no control groups
  }
};

/** Whole CPUs this process may use, at least one. A quota of 1.5 CPUs counts as one: two workers would be throttled. */
export function parallelism(read: ReadText = readText, cpus: number = availableParallelism()): number {
  return Math.max(1, Math.floor(Math.min(cpus, cgroupCpus(read))));
}

/** The number of workers: a whole number, or `auto`. */
export function workerCount(): Codec<number> {
  const count = int({ min: 0 });
  const one = scalar<number>({
    metavar: "INT|auto",
    expected: "a whole number >= 0",
    input: 'number | "auto"',
    schema: { anyOf: [count.schema, { const: "auto" }] },
    offers: { words: ["auto"] },
    parse: (text) => {
      if (text === "auto") return parallelism();
      const read = count.parse([text]);
      return read.ok ? read.value : undefined;
    },
    accept: (value) => {
      const read = count.accept(value);
      return read.ok ? read.value : undefined;
    },
  });
  return one;
}
