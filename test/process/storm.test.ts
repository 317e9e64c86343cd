// Short storms: a load that counts every request while the server reloads, recycles, loses workers and stops. The long
// ones, with every combination, are in bench/storm.ts.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { startLoad } from "../../bench/load/client.ts";
import { lost, summary, type Tally } from "../../bench/load/tally.ts";
import { type Combination, failed, openBed, pause, tell } from "../../bench/storm/bed.ts";
import { kill } from "../../bench/storm/kills.ts";
import { recycle } from "../../bench/storm/recycles.ts";
import { broken } from "../../bench/storm/reloads.ts";
import { termIdle } from "../../bench/storm/stops.ts";
import { type Answer, get } from "./client.ts";

const KINDS = ["sync", "eventloop", "threaded"];
const plain = { interface: "node", keepAlive: true, unix: false, pipeline: 1 };

function nothingLost(tally: Tally): void {
  const losses = tally.losses.slice(0, 10).map(({ outcome, detail }) => `${outcome}: ${detail}`);
  assert.equal(lost(tally), 0, `${summary(tally)}\n${losses.join("\n")}`);
  // A client would send these again; a server under load should not make it do so.
  assert.equal(tally.outcomes.raced, 0, summary(tally));
}

for (const kind of KINDS) {
  const variants: readonly Combination[] = [
    { ...plain, kind, interface: "wsgi", pipeline: 4 },
    { ...plain, kind, keepAlive: false, unix: true, interface: "fetch" },
    { ...plain, kind, interface: "asgi" },
  ];
  for (const combination of variants) {
    const { keepAlive, unix, pipeline } = combination;
    const how = `${combination.interface}, ${keepAlive ? "keep-alive" : "close"}, ${unix ? "unix" : "tcp"}, pipeline ${pipeline}`;
    test(`${kind}: ten HUPs under load lose nothing (${how})`, async (t) => {
      const bed = await openBed(t, combination);
      // No more than that, so that the new workers find a processor to boot on.
      const load = bed.load({ connections: 8, rate: 200 });
      for (let i = 1; i <= 10; i++) {
        bed.server.signal("SIGHUP");
        await bed.server.saw(/Reload complete/, i);
        await load.outcomes(20);
      }
      const tally = await load.stop();
      await bed.server.stop();
      nothingLost(tally);
      assert.ok(tally.pids.size >= 10, `only ${tally.pids.size} workers served`);
    });
  }

  test(`${kind}: recycling loses nothing, and capacity never falls`, async (t) => {
    const report = await recycle(t, { ...plain, kind }, 1_000);
    assert.ok(!failed(report), tell(report));
  });

  test(`${kind}: failed reloads of every kind lose nothing`, async (t) => {
    const report = await broken(t, { ...plain, kind }, 9);
    assert.ok(!failed(report), tell(report));
  });

  test(`${kind}: a killed worker loses only what it had in its hands`, async (t) => {
    const report = await kill(t, { ...plain, kind }, 3, 0);
    assert.ok(!failed(report), tell(report));
  });

  test(`${kind}: TERM ends idle connections and the server with them`, async (t) => {
    const report = await termIdle(t, { ...plain, kind }, 100, 10_000);
    assert.ok(!failed(report), tell(report));
  });

  test(`${kind}: nobody is killed because the arbiter or a worker was stopped for a while`, async (t) => {
    const bed = await openBed(t, { ...plain, kind }, { args: ["-t", "4"], workers: 2 });
    const load = bed.load({ connections: 8 });
    const [first = 0] = bed.server.workerPids();
    // Longer than the timeout for the arbiter, shorter for the worker; the clock is told by answers.
    for (const [pid, milliseconds] of [
      [bed.server.pid, 4_500],
      [first, 300],
    ] as const) {
      bed.server.signal("SIGSTOP", pid);
      const until = performance.now() + milliseconds;
      // All connections may be those of the one that is stopped.
      while (performance.now() < until) await Promise.race([load.outcomes(1), pause(20)]);
      bed.server.signal("SIGCONT", pid);
      await load.outcomes(50);
    }
    nothingLost(await load.stop());
    assert.equal(bed.server.count(/WORKER TIMEOUT|Worker died/), 0, bed.server.log());
    await bed.server.stop();
  });
}

test("an idle connection keeps its time over a reload, and its next answer announces the end", async (t) => {
  const combination = { ...plain, kind: "eventloop" };
  const bed = await openBed(t, combination, { settings: "keepalive: 20,", workers: 1 });
  const agents = Array.from({ length: 8 }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  t.after(() => agents.forEach((agent) => void agent.destroy()));
  const url = await bed.server.url();
  const ask = (): Promise<Answer[]> => Promise.all(agents.map((agent) => get(url, agent)));
  for (const { connection } of await ask()) assert.equal(connection, "keep-alive");
  bed.server.signal("SIGHUP");
  await bed.server.saw(/Reload complete/);
  // The old worker drains by now: it serves nobody else.
  const fresh = startLoad({ target: bed.target, connections: 4, keepAlive: true });
  await fresh.outcomes(200);
  nothingLost(await fresh.stop());
  for (const { status, connection } of await ask()) assert.deepEqual([status, connection], [200, "close"]);
  await bed.server.saw(/Worker exited/);
  await bed.server.stop();
});
