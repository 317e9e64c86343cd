import assert from "node:assert/strict";
import http from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { type Held, openLatch } from "./latch.ts";
import { FIXTURES, start } from "./server.ts";

const APP = `${join(FIXTURES, "apps.mjs")}:pid`;

for (const kind of ["sync", "threaded", "eventloop"]) {
  for (const keepAlive of [true, false]) {
    test(`${kind}: maxRequests loses nothing, keep-alive ${keepAlive ? "on" : "off"}`, async (t) => {
      const args = [
        "-w",
        "2",
        "-k",
        kind,
        "-b",
        "127.0.0.1:0",
        "--max-requests",
        "20",
        "--log-level",
        "debug",
        APP,
      ];
      const server = start(t, args);
      await ready(server, 2);
      const url = await server.url();
      const agent = new http.Agent({ keepAlive, maxSockets: 8 });
      t.after(() => agent.destroy());
      const statuses = new Set<number>();
      const pids = new Set<string>();
      let asked = 0;
      const client = async (): Promise<void> => {
        // Until the fleet has been replaced several times over.
        while (pids.size < 8 && asked++ < 100_000) {
          const answer = await get(url, agent);
          statuses.add(answer.status);
          pids.add(answer.body);
        }
      };
      await Promise.all(Array.from({ length: 8 }, client));
      assert.deepEqual([...statuses], [200]);
      assert.ok(pids.size >= 8, `only ${pids.size} workers answered ${asked} requests`);
      agent.destroy();
      await server.stop();
    });
  }
}

test("a limit is a wish: while workers finish what they have, no more than the surge is added", async (t) => {
  const latch = await openLatch();
  t.after(() => latch.close());
  const args = [
    "-w",
    "2",
    "-k",
    "eventloop",
    "-b",
    "127.0.0.1:0",
    "--max-requests",
    "3",
    "--log-level",
    "debug",
  ];
  const server = start(t, [...args, `${join(FIXTURES, "apps.mjs")}:hold`], { env: { LATCH: latch.path } });
  await ready(server, 2);
  const url = await server.url("/hold");
  const answers: ReturnType<typeof get>[] = [];
  const held: Held[] = [];
  const hold = async (): Promise<void> => {
    for (let i = 0; i < 40; i++) {
      answers.push(get(url));
      held.push(await latch.held());
    }
  };
  await hold();
  await ready(server, 3);
  // Of those that take these at least one reaches its limit. The first still finishes what it has.
  await hold();
  await server.saw(/Recycling worker=/, 2);
  assert.equal(server.workerPids().length, 3, server.log());
  for (const one of held) one.release();
  for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
  // Now it goes on.
  await ready(server, 4);
  await server.stop();
});
