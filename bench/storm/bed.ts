// A server under load, as every storm begins.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Server, start, type Undo } from "../../test/process/server.ts";
import { type Load, type LoadOptions, startLoad, type Target } from "../load/client.ts";
import { lost, summary, type Tally } from "../load/tally.ts";
import { appSource, MIX } from "./app.ts";
import { bindFor, FRONT_KEEPALIVE, openFront } from "./front.ts";

export interface Combination {
  readonly kind: string;
  readonly interface: string;
  readonly keepAlive: boolean;
  readonly unix: boolean;
  /** Requests at once on a connection. */
  readonly pipeline: number;
  /** What stands before the server: see front.ts. Default: nothing. */
  readonly front?: string;
}

export interface BedOptions {
  /** Default: 2. */
  readonly workers?: number;
  readonly args?: readonly string[];
  readonly expected?: readonly RegExp[];
  readonly files?: Readonly<Record<string, string>>;
  /** Lines for the configuration file. */
  readonly settings?: string;
}

export interface Bed {
  readonly combination: Combination;
  readonly server: Server;
  readonly target: Target;
  /** Starts a client as the combination has it. */
  load(options?: Partial<LoadOptions>): Load;
  write(name: string, text: string): void;
  /** The configuration file with these further settings. */
  configure(settings: string): void;
}

export const CONFIG = "gunicorn.conf.mjs";

export async function openBed(t: Undo, combination: Combination, options: BedOptions = {}): Promise<Bed> {
  const { workers = 2, args = [], expected = [], files = {}, settings = "" } = options;
  const { front = "direct" } = combination;
  const behind = front !== "direct";
  const direct = combination.unix ? "unix:app.sock" : "127.0.0.1:0";
  const bind = behind ? bindFor(front, "app.sock") : direct;
  const config = (more: string): string => `export default { bind: ["${bind}"],\n${more}\n};\n`;
  const words = [
    "-k",
    combination.kind,
    "--interface",
    combination.interface,
    "--log-level",
    "debug",
    ...(combination.kind === "threaded" ? ["--threads", "2"] : []),
    ...(behind ? ["--keep-alive", String(FRONT_KEEPALIVE)] : []),
    ...args,
  ];
  const server = start(t, ["-w", String(workers), ...words, `app.mjs:${combination.interface}`], {
    expected,
    files: { "app.mjs": appSource(), [CONFIG]: config(settings), ...files },
    leaves: ["app.sock"],
  });
  await server.saw(/Ready worker=/, workers);
  const target = await targetOf(t, combination, server);
  const { keepAlive, pipeline } = combination;
  const idle = behind ? { keepalive: FRONT_KEEPALIVE * 1_000 } : {};
  const write = (name: string, text: string): void => writeFileSync(join(server.dir, name), text);
  return {
    combination,
    server,
    target,
    load(more = {}) {
      const load = startLoad({
        target,
        connections: 16,
        keepAlive,
        pipeline,
        requests: MIX,
        ...idle,
        ...more,
      });
      // A storm that failed half way has not stopped it.
      t.after(() => void load.stop().catch(() => undefined));
      return load;
    },
    write,
    configure: (more) => write(CONFIG, config(more)),
  };
}

async function targetOf(t: Undo, { front = "direct", unix }: Combination, server: Server): Promise<Target> {
  const path = join(server.dir, "app.sock");
  if (front !== "direct") return openFront(t, front, path);
  return unix ? { path } : { host: "127.0.0.1", port: await server.port() };
}

/** Resident memory in MB and open descriptors of a process. */
export function footprint(pid: number): { readonly memory: number; readonly descriptors: number } {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const memory = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  return { memory, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

/** What a storm found. */
export interface Report {
  readonly tallies: readonly Tally[];
  /** What should not have happened, but for lost requests. */
  readonly failures: readonly string[];
  readonly notes: string;
}

export function failed(report: Report): boolean {
  return report.failures.length > 0 || report.tallies.some((tally) => lost(tally) > 0);
}

export function tell({ tallies, failures, notes }: Report): string {
  const facts = [...tallies.map(summary), notes, ...failures.map((text) => `FAILED: ${text}`)];
  return facts.filter((text) => text !== "").join("; ");
}

/** Workers that serve, never fewer than `workers`, as the log tells it. */
export function leastCapacity(log: string): number {
  const serving = new Set<string>();
  let least = Number.POSITIVE_INFINITY;
  let full = false;
  for (const [, what = "", pid = ""] of log.matchAll(
    /(Ready|Draining|Worker died:|WORKER TIMEOUT|Leaving).*? pid=(\d+)/g,
  )) {
    if (what === "Ready") serving.add(pid);
    else {
      serving.delete(pid);
      full = true;
    }
    if (full) least = Math.min(least, serving.size);
  }
  return least;
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
