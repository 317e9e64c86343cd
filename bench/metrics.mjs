// Are the metrics exact? Counts requests at the client and at /metrics, over reloads and kills; and how long the arbiter takes to
// answer while every worker is stuck. Usage, after `npm run build`: node bench/metrics.mjs [requests] [reloads] [kills]
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const [requests = 100_000, reloads = 20, kills = 5] = process.argv.slice(2).map(Number);
const dir = mkdtempSync(join(tmpdir(), "metrics-bench-"));
writeFileSync(
  join(dir, "app.mjs"),
  `export const app = (request, response) => {
  if (request.url === "/stuck") for (;;);
  response.end("hello");
};`,
);
const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const server = spawn(
  process.execPath,
  [
    ...[main, "-k", "eventloop", "-w", "3", "-b", "127.0.0.1:0", "--metrics-bind", "127.0.0.1:0"],
    ...["-p", "app.pid", "--log-level", "debug", "app:app"],
  ],
  { cwd: dir, stdio: ["ignore", "inherit", "pipe"] },
);
// Whatever goes wrong here: the server is gone afterwards.
process.on("exit", () => void server.kill("SIGKILL"));
let log = "";
server.stderr.setEncoding("utf8").on("data", (text) => {
  log += text;
});
const saw = async (pattern, times = 1) => {
  for (;;) {
    const found = [...log.matchAll(new RegExp(pattern, "g"))];
    if (found.length >= times) return found[times - 1];
    await new Promise((resolve) => server.stderr.once("data", resolve));
  }
};
const [, port] = await saw("Listening at: http://127\\.0\\.0\\.1:(\\d+)");
const [, metricsUrl] = await saw("Metrics: (http:\\S+)");
await saw("Ready worker", 3);

const get = (url, agent) =>
  new Promise((resolve, reject) => {
    const request = http.get(url, { agent: agent ?? false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text) => {
        body += text;
      });
      response.on("error", reject).on("end", () => resolve({ status: response.statusCode, body }));
    });
    request.on("error", reject);
  });
const scrape = async () => {
  const { body } = await get(`${metricsUrl}/metrics`);
  return body
    .split("\n")
    .filter((line) => line.startsWith("tgunicorn_requests_total{"))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
};

let sent = 0;
let answered = 0;
let broken = 0;
let reloaded = 0;
let killed = 0;
const every = { reload: requests / (reloads + 1), kill: requests / (kills + 1) };
const client = async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  while (sent < requests) {
    sent++;
    if (reloaded < reloads && sent > every.reload * (reloaded + 1)) {
      reloaded++;
      process.kill(server.pid, "SIGHUP");
    }
    if (killed < kills && sent > every.kill * (killed + 1)) {
      killed++;
      const pids = [...log.matchAll(/Ready worker=\d+ gen=\d+ pid=(\d+)/g)].map(([, pid]) => Number(pid));
      const pid = pids.findLast(
        (one) => !log.includes(`pid=${one} was`) && !log.includes(`exited: worker=1 gen=1 pid=${one}`),
      );
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        killed--;
      }
    }
    try {
      const { status } = await get(`http://127.0.0.1:${port}/`, agent);
      if (status === 200) answered++;
      else broken++;
    } catch {
      broken++;
    }
  }
  agent.destroy();
};
await Promise.all(Array.from({ length: 16 }, client));
await new Promise((resolve) => setTimeout(resolve, 1_500));
const counted = await scrape();
console.log(
  `sent ${sent}, answered ${answered}, broken off ${broken}, counted ${counted}, difference ${counted - answered}; ${reloaded} HUPs, ${killed} kills`,
);

const stuck = Array.from({ length: 12 }, () => get(`http://127.0.0.1:${port}/stuck`).catch(() => "cut"));
await new Promise((resolve) => setTimeout(resolve, 2_500));
const socketPath = join(dir, "app.ctl");
const at = (target) =>
  target instanceof URL ? { host: target.hostname, port: target.port, path: target.pathname } : target;
for (const [name, target] of [
  ["/metrics", new URL("/metrics", metricsUrl)],
  ["/livez", new URL("/livez", metricsUrl)],
  ["/readyz", new URL("/readyz", metricsUrl)],
  ["control /status", { socketPath, path: "/status" }],
  ["control /workers/1/stack", { socketPath, path: "/workers/1/stack" }],
]) {
  const times = [];
  for (let round = 0; round < 5; round++) {
    const begun = performance.now();
    await new Promise((resolve, reject) => {
      http
        .get({ ...at(target), agent: false }, (response) => response.resume().on("end", resolve))
        .on("error", reject);
    });
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  console.log(
    `every worker stuck: ${name} median ${times[2].toFixed(0)} ms, worst ${times[4].toFixed(0)} ms`,
  );
}
server.kill("SIGQUIT");
await Promise.all([...stuck, new Promise((resolve) => server.on("exit", resolve))]);
rmSync(dir, { recursive: true });
