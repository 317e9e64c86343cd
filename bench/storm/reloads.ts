// Storms of HUPs: of a sound server, of a broken one, of one that takes long to load.

import net from "node:net";
import type { Server, Undo } from "../../test/process/server.ts";
import type { Load } from "../load/client.ts";
import { latencies, phaseOf } from "../load/tally.ts";
import { appSource } from "./app.ts";
import { type Combination, footprint, openBed, pause, type Report } from "./bed.ts";

/** HUPs under load; idle connections keep their time, and the arbiter does not grow. */
export async function reload(t: Undo, combination: Combination): Promise<Report> {
  const bed = await openBed(t, combination);
  const busy = bed.load({ rate: 150 });
  // Connections that are idle for a second at a time, with the shortest of requests.
  const lazy = bed.load({ rate: 16, keepAlive: true, pipeline: 1 });
  return hangUps(bed.server, [busy, lazy]);
}

/** 100 HUPs in 30 s; the latencies are those of the first load. */
export async function hangUps(
  server: Server,
  loads: readonly Pick<Load, "tally" | "stop">[],
): Promise<Report> {
  const turn = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      server.signal("SIGHUP");
      await pause(300);
    }
  };
  /** All quiet: the last reload is over, and what it replaced is gone. */
  const footprintAtRest = async (): Promise<{ memory: number; descriptors: number }> => {
    await pause(4_000);
    return footprint(server.pid);
  };
  await turn(20);
  const early = await footprintAtRest();
  await turn(80);
  const late = await footprintAtRest();
  const tallies = await Promise.all(loads.map((load) => load.stop()));
  await server.stop();
  const reloads = server.count(/Reload complete/);
  const failures: string[] = [];
  if (reloads < 10) failures.push(`only ${reloads} reloads were completed`);
  if (late.descriptors > early.descriptors) failures.push("the arbiter's descriptors grow");
  if (late.memory > early.memory * 1.2) failures.push("the arbiter's memory grows");
  for (const tally of tallies) if (tally.earlyCloses > 0) failures.push("idle connections were cut short");
  const footprints = [early, late].map((one) => `${one.memory.toFixed(0)} MB ${one.descriptors} fds`);
  return {
    tallies,
    failures,
    notes: `${reloads} reloads, arbiter ${footprints.join(" -> ")}, ${tallies.map((tally) => latencies(phaseOf(tally, "all")))[0]}`,
  };
}

/** Every way in which a reload can fail. */
export const FAULTS: Readonly<Record<string, { readonly app?: string; readonly settings?: string }>> = {
  "syntax error": { app: "export const node = (" },
  "throw at import": { app: "throw new Error('at import');" },
  "import that hangs": {
    app: "await new Promise((resolve) => setTimeout(resolve, 1_000_000));",
    settings: "bootTimeout: 1,",
  },
  "exit at import": { app: "process.exit(7);" },
  "exit in postWorkerInit": { settings: "postWorkerInit() { process.exit(9); }," },
  "throw in postWorkerInit": { settings: "postWorkerInit() { throw new Error('not today'); }," },
  "bind in use": { settings: "bind: ['127.0.0.1:TAKEN']," },
  "bad type": { settings: "workers: 'many'," },
  "syntax error in the configuration": { settings: "workers: = 2," },
};

/** Reloads that fail, in every way in turn: nothing is lost, and the same workers serve. */
export async function broken(t: Undo, combination: Combination, times = 50): Promise<Report> {
  const taken = net.createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await new Promise((resolve) => taken.once("listening", resolve));
  const address = taken.address();
  const port = address === null || typeof address === "string" ? 0 : address.port;
  const bed = await openBed(t, combination, { expected: [/./] });
  const { server } = bed;
  const before = new Set(server.workerPids().map(String));
  const load = bed.load({ rate: 200 });
  await load.outcomes(200);
  const faults = Object.entries(FAULTS);
  const failures: string[] = [];
  for (let i = 0; i < times; i++) {
    const [name, fault] = faults[i % faults.length] ?? ["", {}];
    bed.write("app.mjs", fault.app ?? appSource());
    bed.configure((fault.settings ?? "").replace("TAKEN", String(port)));
    const done = server.count(/Reload complete/);
    server.signal("SIGHUP");
    await server.saw(/Reload aborted/, i + 1);
    if (server.count(/Reload complete/) > done) failures.push(`a reload went through: ${name}`);
  }
  await load.outcomes(200);
  const tally = await load.stop();
  await server.stop();
  const strangers = [...tally.pids.keys()].filter((pid) => !before.has(pid));
  if (strangers.length > 0) failures.push("other workers served");
  return {
    tallies: [tally],
    failures,
    notes: `${times} failed reloads, the same ${before.size} workers, ${latencies(phaseOf(tally, "all"))}`,
  };
}

/** A HUP whose import takes 5 s of computing or of waiting. */
export async function slowImport(t: Undo, combination: Combination, seconds = 5): Promise<Report> {
  const bed = await openBed(t, combination);
  const { server } = bed;
  const load = bed.load({ rate: 100 });
  await load.outcomes(100);
  load.phase("before");
  await load.outcomes(100 * seconds);
  bed.write("app.mjs", appSource(`await new Promise((done) => setTimeout(done, ${seconds * 1_000}));`));
  load.phase("during");
  server.signal("SIGHUP");
  await server.saw(/Reload complete/);
  load.phase("after");
  await load.outcomes(100);
  const tally = await load.stop();
  await server.stop();
  const [before, during] = [phaseOf(tally, "before"), phaseOf(tally, "during")];
  const failures =
    during.max > 3 * before.max
      ? [`worst latency is ${(during.max / before.max).toFixed(1)} times that before`]
      : [];
  return {
    tallies: [tally],
    failures,
    notes: `before ${latencies(before)}, during ${latencies(during)}`,
  };
}
