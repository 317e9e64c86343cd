// How long until four workers serve: tgunicorn with a TypeScript application against a bare node:cluster of the same
// application compiled. usage: node bench/start.mjs [rounds]; needs `npm run build` before.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const rounds = Number(process.argv[2] ?? 9);
const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "tgunicorn-start-"));
writeFileSync(
  join(folder, "app.ts"),
  `import type { IncomingMessage, ServerResponse } from "node:http";
export const app = (_request: IncomingMessage, response: ServerResponse): void => {
  response.end("hello");
};
`,
);
writeFileSync(
  join(folder, "app.mjs"),
  `export const app = (_request, response) => { response.end("hello"); };\n`,
);
writeFileSync(
  join(folder, "bare.mjs"),
  `import cluster from "node:cluster";
import http from "node:http";
if (cluster.isPrimary) {
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  for (let i = 0; i < 4; i++) cluster.fork();
  cluster.on("listening", () => console.error("Ready worker="));
} else {
  const { app } = await import("./app.mjs");
  http.createServer(app).listen(0, "127.0.0.1");
}
`,
);

/** Milliseconds from the spawn to the fourth worker that says it is ready. */
function start(args) {
  return new Promise((resolve) => {
    const begun = performance.now();
    const child = spawn(process.execPath, args, {
      cwd: folder,
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    let took = 0;
    child.stderr.on("data", (text) => {
      said += text;
      if (took > 0 || (said.match(/Ready worker=/g) ?? []).length < 4) return;
      took = performance.now() - begun;
      process.kill(-child.pid, "SIGKILL");
    });
    child.on("exit", () => resolve(took));
  });
}

const kinds = {
  bare: ["bare.mjs"],
  "tgunicorn, TypeScript": [main, "-w", "4", "-b", "127.0.0.1:0", "--log-level", "debug", "app.ts:app"],
  "tgunicorn, JavaScript": [main, "-w", "4", "-b", "127.0.0.1:0", "--log-level", "debug", "app.mjs:app"],
};
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const took = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]));
for (let round = 0; round <= rounds; round++) {
  for (const [name, args] of Object.entries(kinds)) {
    const time = await start(args);
    if (round > 0) took[name].push(time); // the first fills the caches
  }
}
rmSync(folder, { recursive: true, force: true });
const bare = median(took.bare);
for (const [name, times] of Object.entries(took)) {
  console.log(
    `${name.padEnd(24)} ${median(times).toFixed(0).padStart(5)} ms   x ${(median(times) / bare).toFixed(2)}`,
  );
}
