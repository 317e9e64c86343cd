// What it costs that the watchdog sees requests, finer than servers side by side can tell: two processes of the same code
// differ by more than what is looked for. So here one process has it switched off and on, by chance, every 50 ms of its load.
// Runs a patched copy of dist/. Needs wrk, and `npm run build` before. usage: node bench/noting.mjs [rounds] [seconds] [wrk's header]
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const [rounds = "6", seconds = "25", header] = process.argv.slice(2);
const root = fileURLToPath(new URL("..", import.meta.url));
const dir = fs.mkdtempSync(join(tmpdir(), "tgunicorn-noting-"));
process.on("exit", () => fs.rmSync(dir, { recursive: true }));
fs.cpSync(join(root, "dist"), join(dir, "dist"), { recursive: true });
fs.copyFileSync(join(root, "package.json"), join(dir, "package.json"));
fs.symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));

/** In the worker: which of the two it is now, and microseconds of CPU per request of each slice. */
const SWITCH = `
const slices = { on: false, count: 0, costs: [[], []], cpu: process.cpuUsage() };
setInterval(() => {
  const { user, system } = process.cpuUsage(slices.cpu);
  if (slices.count > 200) slices.costs[Number(slices.on)].push((user + system) / slices.count);
  Object.assign(slices, { cpu: process.cpuUsage(), count: 0, on: Math.random() < 0.5 });
}, 50).unref();
process.on("exit", () => process.getBuiltinModule("fs").writeFileSync(${JSON.stringify(join(dir, "costs"))}, JSON.stringify(slices.costs)));
`;
let patched = 0;
for (const file of fs.readdirSync(join(dir, "dist")).filter((name) => name.endsWith(".js"))) {
  const path = join(dir, "dist", file);
  const text = fs.readFileSync(path, "utf8");
  if (!text.includes("function tracked(")) continue;
  const parts = [
    ["deadlines.begin(exchange);", "slices.count++; if (slices.on) deadlines.begin(exchange);"],
    ["deadlines.end(exchange);", "if (exchange.place >= 0) deadlines.end(exchange);"],
    ["function tracked(", `${SWITCH}function tracked(`],
  ];
  for (const [from] of parts) if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
  fs.writeFileSync(
    path,
    parts.reduce((whole, [from, to]) => whole.replaceAll(from, to), text),
  );
  patched++;
}
if (patched !== 1) throw new Error(`${patched} files have requests tracked, where one is expected`);

const mean = (list) => list.reduce((sum, one) => sum + one, 0) / list.length;
/** Without the tenth at each end: slices in which something else ran. */
const trimmed = (list) => {
  const sorted = list.toSorted((a, b) => a - b);
  const cut = Math.floor(sorted.length / 10);
  return mean(sorted.slice(cut, sorted.length - cut));
};
const load = (port, time) =>
  execFileSync("wrk", [
    ...["-t1", "-c32", `-d${time}`],
    ...(header === undefined ? [] : ["-H", header]),
    `http://127.0.0.1:${port}/`,
  ]);

const ratios = [];
for (let round = 0; round < Number(rounds); round++) {
  const server = spawn(
    process.execPath,
    [join(dir, "dist/main.js"), "-w", "1", "-k", "eventloop", "-b", "127.0.0.1:0", "hello:default"],
    { cwd: join(root, "bench"), stdio: ["ignore", "inherit", "pipe"] },
  );
  const gone = once(server, "exit");
  let port;
  for await (const line of createInterface({ input: server.stderr })) {
    port ??= /http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (line.includes("Start complete")) break;
  }
  server.stderr.resume();
  load(port, seconds);
  server.kill("SIGTERM");
  await gone;
  const costs = JSON.parse(fs.readFileSync(join(dir, "costs"), "utf8"));
  const [off, on] = costs.map((list) => trimmed(list.slice(20)));
  ratios.push(on / off);
  console.log(`off ${off.toFixed(2)} us, on ${on.toFixed(2)} us, ${(on / off).toFixed(4)}`);
}
console.log(`mean ${mean(ratios).toFixed(4)}`);
