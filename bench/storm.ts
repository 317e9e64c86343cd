// Storms: a real server, a load that counts every request, and something that goes wrong. One row for each combination.
// usage: npm run storm -- [SCENARIO]... [OPTION VALUE]...
// Options take lists with commas, and every combination is run: --kinds sync,eventloop  --interfaces node,fetch,wsgi,asgi
// --keepalive on,off  --transports tcp,unix  --pipeline 1,4  --fronts direct,nginx-unix,nginx-uwsgi,nginx-fastcgi,nginx-scgi

import { parseArgs } from "node:util";
import type { Undo } from "../test/process/server.ts";
import { type Combination, failed, type Report, tell } from "./storm/bed.ts";
import { kill, killArbiter, stopCont, stuck } from "./storm/kills.ts";
import { reloadHttp2, reloadSockets } from "./storm/reconnects.ts";
import { recycle } from "./storm/recycles.ts";
import { broken, reload, slowImport } from "./storm/reloads.ts";
import { term, termIdle, upgrade } from "./storm/stops.ts";

const SCENARIOS: Readonly<Record<string, (t: Undo, combination: Combination) => Promise<Report>>> = {
  reload,
  "reload-h2": reloadHttp2,
  "reload-ws": reloadSockets,
  recycle,
  broken,
  "slow-import": slowImport,
  kill,
  "kill-arbiter": killArbiter,
  "stop-cont": stopCont,
  stuck,
  term,
  "term-idle": termIdle,
  upgrade,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kinds: { type: "string", default: "sync,eventloop" },
    interfaces: { type: "string", default: "node" },
    keepalive: { type: "string", default: "on,off" },
    transports: { type: "string", default: "tcp" },
    pipeline: { type: "string", default: "1" },
    fronts: { type: "string", default: "direct" },
    verbose: { type: "boolean", default: false },
  },
});

/** Every combination of the lists. */
function* combinations(): Generator<Combination> {
  for (const kind of values.kinds.split(","))
    for (const name of values.interfaces.split(","))
      for (const keepAlive of values.keepalive.split(","))
        for (const transport of values.transports.split(","))
          for (const pipeline of values.pipeline.split(","))
            for (const front of values.fronts.split(",")) {
              // After `Connection: close` nothing may follow.
              if (keepAlive !== "on" && pipeline !== "1") continue;
              yield {
                kind,
                interface: name,
                keepAlive: keepAlive === "on",
                unix: transport === "unix",
                pipeline: Number(pipeline),
                front,
              };
            }
}

/** What is to be undone when the present storm is over, also where it is broken off. */
let undo: (() => unknown)[] = [];

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    for (const one of undo) one();
    process.exit(1);
  });
}

async function run(name: string, combination: Combination): Promise<boolean> {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new Error(`no scenario ${name}: ${Object.keys(SCENARIOS).join(", ")}`);
  undo = [];
  const { kind, keepAlive, unix, pipeline, front = "direct" } = combination;
  const way = front !== "direct" ? front : unix ? "unix" : "tcp";
  const where = [kind, combination.interface, keepAlive ? "keep-alive" : "close", way];
  if (pipeline > 1) where.push(`pipeline ${pipeline}`);
  const row = (verdict: string, facts: string): void =>
    console.log(`| ${name} | ${where.join(" ")} | ${verdict} | ${facts} |`);
  try {
    const report = await scenario({ after: (one) => void undo.unshift(one) }, combination);
    row(failed(report) ? "FAILED" : "held", tell(report));
    if (values.verbose || failed(report)) {
      for (const { losses } of report.tallies) {
        const told = losses.filter(({ outcome }) => outcome !== "refused" || values.verbose);
        for (const { outcome, pid, detail } of told.slice(0, 10))
          console.log(`  ${outcome} pid=${pid ?? "?"} ${detail}`);
      }
    }
    return !failed(report);
  } catch (error) {
    const [what = "", ...log] = (error instanceof Error ? error.message : String(error)).split("\n");
    row("FAILED", what);
    console.log(log.slice(-20).join("\n"));
    return false;
  } finally {
    for (const one of undo) await one();
  }
}

const names = positionals.length > 0 ? positionals : Object.keys(SCENARIOS);
console.log("| storm | combination | verdict | facts |\n| --- | --- | --- | --- |");
let held = true;
for (const name of names)
  for (const combination of combinations()) held = (await run(name, combination)) && held;
process.exitCode = held ? 0 : 1;
