// What a fleet costs as it grows: memory (PSS) of the arbiter and of each worker, the time from the command to the last
// `Ready`, the arbiter's own processor time at rest, and the time and the arbiter's processor time of a reload.
// usage: node bench/fleet.mjs [rounds] [workers,workers,...] [application]; needs `npm run build` before.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const rounds = Number(process.argv[2] ?? 3);
const sizes = (process.argv[3] ?? "1,2,4,8,16,32").split(",").map(Number);
const application = process.argv[4] ?? "hello:default";
/** How long the arbiter is watched at rest, in milliseconds. */
const REST = 5_000;
/** How long a start or a reload may take, in milliseconds. */
const PATIENCE = 240_000;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const pss = (pid) =>
  Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))[1]) / 1_024;
/** In seconds; the system counts in hundredths. */
const cpu = (pid) => {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

async function measure(workers) {
  const options = ["-k", "eventloop", "-b", "127.0.0.1:0", "--log-level", "debug", "--chdir", here(".")];
  const begun = performance.now();
  const server = spawn(
    process.execPath,
    [here("../dist/main.js"), ...options, "-w", String(workers), application],
    {
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    },
  );
  try {
    let log = "";
    server.stderr.setEncoding("utf8").on("data", (text) => {
      log += text;
    });
    const until = async (pattern, times) => {
      const deadline = AbortSignal.timeout(PATIENCE);
      while ((log.match(new RegExp(pattern, "g")) ?? []).length < times) {
        await once(server.stderr, "data", { signal: deadline });
      }
    };
    await until("Ready worker=", workers);
    const start = performance.now() - begun;
    await pause(1_500);
    const before = cpu(server.pid);
    await pause(REST);
    const rest = ((cpu(server.pid) - before) / REST) * 1_000;
    const pids = [...log.matchAll(/Booting worker=\d+ gen=1 pid=(\d+)/g)].map(([, pid]) => pid);
    const memory = { arbiter: pss(server.pid), worker: pids.map(pss).reduce((a, b) => a + b) / workers };
    const spent = cpu(server.pid);
    const told = performance.now();
    process.kill(server.pid, "SIGHUP");
    await until("Reload complete", 1);
    const reload = performance.now() - told;
    return { start, rest, ...memory, reload, spent: cpu(server.pid) - spent };
  } finally {
    const gone = once(server, "exit");
    process.kill(-server.pid, "SIGKILL");
    await gone;
  }
}

const taken = new Map(sizes.map((workers) => [workers, []]));
await measure(1); // fills the caches
for (let round = 0; round < rounds; round++) {
  for (const workers of sizes) taken.get(workers).push(await measure(workers));
}
console.log(
  "| workers | ready after, s | reload, s | PSS of a worker, MB | of all, MB | of the arbiter, MB | arbiter at rest, CPU % | in a reload, CPU s |",
);
console.log("|---|---|---|---|---|---|---|---|");
for (const [workers, all] of taken) {
  const of = (what) => median(all.map((one) => one[what]));
  const total = workers * of("worker") + of("arbiter");
  const figures = [
    (of("start") / 1_000).toFixed(1),
    (of("reload") / 1_000).toFixed(1),
    of("worker").toFixed(1),
    total.toFixed(0),
    of("arbiter").toFixed(1),
    (of("rest") * 100).toFixed(2),
    of("spent").toFixed(2),
  ];
  console.log(`| ${workers} | ${figures.join(" | ")} |`);
}
