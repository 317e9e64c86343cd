// Two servers behind HAProxy, as on two machines: deploy/haproxy/fleet.cfg.

import assert from "node:assert/strict";
import { test } from "node:test";
import { get, ready } from "../process/client.ts";
import { startLoad } from "../process/load.ts";
import { type Server, start } from "../process/server.ts";
import { deployed, startHaproxy } from "./fronts.ts";
import { hasPeers } from "./peer.ts";
import { freePort } from "./port.ts";

const APP = "export const app = (request, response) => response.end(String(process.ppid));";

test("a machine leaves by TERM, another comes, and nothing is lost", async (t) => {
  if (!hasPeers(t, "haproxy")) return;
  const [front, one, two] = [await freePort(), await freePort(), await freePort()];
  const machine = async (port: number): Promise<Server> => {
    const args = ["-k", "eventloop", "-w", "2", "-b", `127.0.0.1:${port}`, "--keep-alive", "75"];
    const probed = ["--health-path", "/healthz", "--drain-delay", "2", "--log-level", "debug"];
    const server = start(t, [...args, ...probed, "app:app"], { files: { "app.mjs": APP } });
    await ready(server, 2);
    return server;
  };
  const first = await machine(one);
  const second = await machine(two);
  const changes = {
    "bind :80": `bind 127.0.0.1:${front}`,
    "10.0.0.11:8000": `127.0.0.1:${one}`,
    "10.0.0.12:8000": `127.0.0.1:${two}`,
    "inter 2s": "inter 200ms",
  };
  const haproxy = await startHaproxy(t, deployed("haproxy/fleet.cfg", changes), [front]);
  const seen = async (pids: readonly number[]): Promise<void> => {
    const missing = new Set(pids.map(String));
    while (missing.size > 0) missing.delete((await get(haproxy.url())).body);
  };
  await seen([first.pid, second.pid]);
  const loads = [true, false].map((keepAlive) => startLoad([haproxy.url()], { clients: 4, keepAlive }));
  const more = (): Promise<unknown> => Promise.all(loads.map((load) => load.more(100)));
  await more();
  await first.stop();
  await more();
  const third = await machine(one);
  await seen([third.pid]);
  await more();
  await second.stop();
  await more();
  for (const load of loads) {
    await load.stop();
    assert.deepEqual(load.failures, []);
  }
  await third.stop();
  await haproxy.stop();
});
