// The folders show the architecture; this keeps them honest: who may import whom, how long a file may be, and that
// the pure files stay pure.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const SRC = fileURLToPath(new URL("../../src/", import.meta.url));

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  config: [],
  os: ["config"],
  ipc: ["config"],
  log: ["config"],
  metrics: ["config", "log"],
  protocols: ["config", "log", "os"],
  interfaces: ["config", "log", "os", "protocols/exchange.ts", "protocols/path.ts"],
  workers: ["config", "ipc", "log", "metrics", "os", "protocols", "interfaces"],
  arbiter: ["config", "ipc", "log", "metrics", "os"],
  completion: ["config"],
  ctl: ["config", "completion"],
  cli: ["config", "completion", "log", "os", "interfaces", "workers/registry.ts", "arbiter"],
};

/** What any folder may import. */
const SHARED = ["errors.ts", "root.ts", "within.ts"];

const PURE = [
  "arbiter/events",
  "arbiter/state",
  "arbiter/step",
  "arbiter/reconcile",
  "arbiter/backoff",
  "arbiter/rollout",
  "arbiter/stop",
  "arbiter/upgrade",
  "arbiter/control/view",
  "arbiter/health",
  "arbiter/metrics/rates",
  "arbiter/metrics/samples",
  "arbiter/metrics/tally",
  "metrics/buckets",
  "metrics/counted",
  "metrics/ledger",
  "metrics/row",
  "arbiter/progress/say",
  "arbiter/systemd/say",
  "workers/lifecycle",
  "workers/report",
  "workers/watchdog/judge",
];

const files = readdirSync(SRC, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith(".ts"));
const source = (file: string): string => readFileSync(join(SRC, file), "utf8");

/** A file without its comments. */
const code = (file: string): string => source(file).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");

function importsOf(file: string): string[] {
  return [...source(file).matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) =>
    normalize(join(dirname(file), match[1] ?? "")),
  );
}

test("only root.ts asks where it lies: the bundle puts code elsewhere", () => {
  const asking = files.filter((file) =>
    code(file).replaceAll("createRequire(import.meta.url)", "").includes("import.meta"),
  );
  assert.deepEqual(asking, ["root.ts"]);
});

test("imports run one way", () => {
  const wrong: string[] = [];
  for (const file of files) {
    const [folder = ""] = file.split("/");
    const allowed = MAY_IMPORT[folder];
    if (allowed === undefined) continue; // the bins and the entry for users may import anything
    for (const target of importsOf(file)) {
      if (SHARED.includes(target) || target.startsWith(`${folder}/`)) continue;
      if (!allowed.some((prefix) => target === prefix || target.startsWith(`${prefix}/`))) {
        wrong.push(`${file} imports ${target}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test("no file is longer than one sitting", () => {
  const long = files
    .filter((file) => file !== "config/user-config.ts") // generated
    .map((file) => `${file}: ${source(file).split("\n").length}`)
    .filter((line) => Number(line.split(": ")[1]) > 320);
  assert.deepEqual(long, []);
});

test("pure files know no clock, no timer, no chance and no system", () => {
  const impure = PURE.map((name) => `${name}.ts`).filter((file) =>
    /from "node:|Date\.now|performance\.|setTimeout|setInterval|Math\.random|\bprocess\.\w/.test(code(file)),
  );
  assert.deepEqual(impure, []);
});

test("types are not silenced", () => {
  const silenced = files.filter(
    (file) =>
      /:\s*any\b|\bas any\b|as unknown as/.test(code(file)) || /@ts-(ignore|expect-error)/.test(source(file)),
  );
  assert.deepEqual(silenced, []);
});

test("no test sleeps", () => {
  const naps =
    /setTimeout\((resolve|done|\(\) => (resolve|done))|setTimeout\b.*timers\/promises|\bpause\(\d|await (sleep|delay)\(/;
  const tests = join(SRC, "../test");
  const sleepers = readdirSync(tests, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.includes("node_modules"))
    .filter((file) => naps.test(readFileSync(join(tests, file), "utf8")))
    .sort();
  // Programs of others, which tell only by a connection that they listen; the length of a suspension, which is what is tested.
  assert.deepEqual(sleepers, ["peers/fronts.ts", "process/storm.test.ts"]);
});
