// Plants a fault in a copy of the compiled core and looks whether the scenarios or random histories notice.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { beginWith } from "../arbiter/scenario.ts";
import { scenarios } from "../arbiter/scenarios/all.ts";
import type { Core } from "./core.ts";
import type { Fault } from "./faults.ts";
import { runHistory } from "./history.ts";

/** Where the core was compiled to. */
const CORE = fileURLToPath(new URL("../../src/arbiter/", import.meta.url));
const PARTS = [
  "backoff.js",
  "events.js",
  "reconcile.js",
  "rollout.js",
  "state.js",
  "step.js",
  "stop.js",
  "upgrade.js",
];

export interface Verdict {
  readonly fault: string;
  /** The first scenario that failed, and what the first broken history broke; null where none did. */
  readonly scenario: string | null;
  readonly history: string | null;
  /** How many histories it took. */
  readonly histories: number;
}

/** Random histories alone are tried `histories` times from `seed`; scenarios always. */
export async function tryFault(fault: Fault, seed: number, histories: number): Promise<Verdict> {
  const core = await plant(fault);
  const scenario = failedScenario(core);
  for (let run = 0; run < histories; run++) {
    const broken = runHistory(seed + run, { core });
    if (broken !== null) return { fault: fault.name, scenario, history: broken.why, histories: run + 1 };
  }
  return { fault: fault.name, scenario, history: null, histories };
}

function failedScenario(core: Core): string | null {
  for (const [topic, scenes] of Object.entries(scenarios)) {
    for (const { name, play } of scenes) {
      try {
        play(beginWith(core));
      } catch {
        return `${topic}: ${name}`;
      }
    }
  }
  return null;
}

async function plant(fault: Fault): Promise<Core> {
  const folder = mkdtempSync(join(tmpdir(), "tgunicorn-mutant-"));
  try {
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    for (const part of readdirSync(CORE)) {
      if (!PARTS.includes(part)) continue;
      const source = readFileSync(join(CORE, part), "utf8");
      writeFileSync(join(folder, part), part === fault.file ? patched(source, fault) : source);
    }
    // What is imported is kept in memory: the folder may go.
    const state: Pick<Core, "initialState"> = await import(pathToFileURL(join(folder, "state.js")).href);
    const step: Pick<Core, "step"> = await import(pathToFileURL(join(folder, "step.js")).href);
    return { initialState: state.initialState, step: step.step };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function patched(source: string, { name, file, from, to }: Fault): string {
  const found = source.split(from).length - 1;
  if (found !== 1)
    throw new Error(`fault "${name}": ${file} has ${found} of ${JSON.stringify(from)}, expected one`);
  return source.replace(from, () => to);
}
