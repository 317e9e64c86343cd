// Chromium shows the status page: its script has drawn charts and workers, and has loaded nothing from elsewhere.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "../process/client.ts";
import { start } from "../process/server.ts";
import { hasPeers } from "./peer.ts";

/** The page's document once its script has run for some seconds of the browser's own, virtual time. */
function dump(url: string, home: string): Promise<string> {
  const flags = [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic"],
    ...["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ...["--no-proxy-server", `--user-data-dir=${home}`, "--virtual-time-budget=3000", "--dump-dom"],
  ];
  const env = { PATH: process.env.PATH, HOME: home };
  return new Promise((resolve, reject) => {
    execFile("chromium", [...flags, url], { env, timeout: 60_000 }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });
}

test("the status page shows the fleet in a browser", async (t) => {
  if (!hasPeers(t, "chromium")) return;
  const home = mkdtempSync(join(tmpdir(), "tgunicorn-browser-"));
  t.after(() => rmSync(home, { recursive: true, force: true, maxRetries: 10 }));
  const server = start(
    t,
    [
      ...["-k", "eventloop", "-w", "2", "-b", "127.0.0.1:0", "--metrics-bind", "127.0.0.1:0"],
      ...["--log-level", "debug", "app.mjs:app"],
    ],
    { files: { "app.mjs": `export const app = (request, response) => response.end("hello");` } },
  );
  await ready(server, 2);
  const [, url = ""] = await server.saw(/Metrics: (http:\S+)/);
  await get(await server.url());
  // The arbiter looks each second.
  for (let looks = 0; looks < 5_000; looks++) {
    if (/"perSecond":0\.?[1-9]/.test((await get(`${url}/status.json`)).body)) break;
  }
  const page = await dump(`${url}/`, home);
  assert.match(page, /<h1 id="app">app\.mjs:app<\/h1>/);
  assert.match(page, /running: 2 of 2 workers serve, generation 1/);
  for (const pid of server.workerPids()) assert.ok(page.includes(`>${pid}</td>`), page);
  assert.match(page, /<polyline points="\d/);
  assert.match(page, /http:\/\/127\.0\.0\.1:\d+: 0 of \d+ wait/);
  assert.match(page, /<span id="trouble" role="status"><\/span>/);
  await server.stop();
});
