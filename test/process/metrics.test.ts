import assert from "node:assert/strict";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { ask, ctl } from "./ctl.ts";
import { openLatch } from "./latch.ts";
import { startLoad } from "./load.ts";
import { type Server, type StartOptions, start, type Undo } from "./server.ts";

const APP = `export const app = (request, response) => {
  if (request.url === "/stuck") {
    process.stderr.write("STUCK\\n");
    for (;;);
  }
  if (request.url === "/fail") throw new Error("planned");
  response.end("hello");
};`;

interface Metered {
  readonly server: Server;
  readonly metricsUrl: string;
  /** The value of every line, by name and labels as they are written. */
  readonly scrape: () => Promise<ReadonlyMap<string, number>>;
}

async function metered(t: Undo, args: readonly string[], options: StartOptions = {}): Promise<Metered> {
  const given = ["-b", "127.0.0.1:0", "--metrics-bind", "127.0.0.1:0", "--log-level", "debug"];
  const server = start(t, [...given, ...args, "app:app"], {
    ...options,
    files: { "app.mjs": APP, ...options.files },
  });
  const [, metricsUrl = ""] = await server.saw(/Metrics: (http:\S+)/);
  return { server, metricsUrl, scrape: async () => parse((await get(`${metricsUrl}/metrics`)).body) };
}

const parse = (text: string): ReadonlyMap<string, number> =>
  new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const cut = line.lastIndexOf(" ");
        return [line.slice(0, cut), Number(line.slice(cut + 1))];
      }),
  );

/** The sum over all labels of lines that begin so. */
function sum(lines: ReadonlyMap<string, number>, name: string): number {
  return [...lines].reduce((total, [of, value]) => (of.startsWith(`${name}{`) ? total + value : total), 0);
}

/** Looks until it is so: what a worker has counted is written at the end of its event loop's turn. */
async function until(
  scrape: Metered["scrape"],
  holds: (lines: ReadonlyMap<string, number>) => boolean,
): Promise<ReadonlyMap<string, number>> {
  for (const end = performance.now() + 30_000; performance.now() < end; ) {
    const lines = await scrape();
    if (holds(lines)) return lines;
  }
  throw new Error(
    `it never came to be so:\n${[...(await scrape())].map((line) => line.join(" ")).join("\n")}`,
  );
}

for (const kind of [
  ["-k", "sync"],
  ["-k", "eventloop"],
  ["-k", "threaded", "--threads", "2"],
]) {
  test(`${kind.join(" ")}: every request is counted, over reloads and kills`, async (t) => {
    const { server, scrape } = await metered(t, [...kind, "-w", "2"], {
      expected: [/Worker died/, /Error handling request/],
    });
    await ready(server, 2);
    const url = await server.url();
    const load = startLoad([url], { clients: 4, keepAlive: true });
    await load.more(100);
    for (let reload = 1; reload <= 3; reload++) {
      server.signal("SIGHUP");
      await server.saw(/Reload complete/, reload);
      await load.more(50);
    }
    await load.stop();
    assert.deepEqual(load.failures, []);
    // The last of the old may still be leaving, and who is asked what is in flight is so a moment before the counts are read.
    const counted = await until(
      scrape,
      (lines) =>
        sum(lines, "tgunicorn_requests_total") === load.answers() &&
        lines.get("tgunicorn_requests_in_flight") === 0 &&
        lines.get('tgunicorn_worker_exits_total{reason="outdated"}') === 6,
    );
    assert.equal(sum(counted, "tgunicorn_request_duration_seconds_count"), load.answers());
    assert.equal(counted.get('tgunicorn_reloads_total{result="ok"}'), 3);
    assert.equal(counted.get("tgunicorn_response_bytes_total"), 5 * load.answers());
    // What has been counted outlives a kill.
    const pids = server.workerPids();
    for (const pid of pids.slice(-2)) server.signal("SIGKILL", pid);
    await server.saw(/Worker died/, 2);
    await ready(server, 10);
    const after = await scrape();
    assert.equal(sum(after, "tgunicorn_requests_total"), load.answers());
    assert.equal(after.get('tgunicorn_worker_exits_total{reason="killed"}'), 2);
    assert.equal((await get(await server.url("/fail"))).status, 500);
    const labels = `method="GET",status="5xx",worker_class="${kind[1]}"`;
    await until(scrape, (lines) => lines.get(`tgunicorn_requests_total{${labels}}`) === 1);
    await server.stop();
  });
}

test("what is in flight, open and waiting is told, and requests out of time are harakiris", async (t) => {
  const latch = await openLatch();
  t.after(() => latch.close());
  const slow = `import net from "node:net";
export const app = (request, response) => {
  if (request.url === "/never") return;
  net.connect(${JSON.stringify(latch.path)}).on("data", () => response.end("late"));
};`;
  const { server, scrape } = await metered(
    t,
    ["-k", "eventloop", "--request-timeout", "20", "--backlog", "64"],
    {
      files: { "app.mjs": slow },
    },
  );
  await ready(server, 1);
  const answer = get(await server.url());
  const idle = net.connect(await server.port());
  t.after(() => void idle.destroy());
  const held = await latch.held();
  const lines = await until(scrape, (found) => found.get('tgunicorn_connections{state="idle"}') === 1);
  assert.equal(lines.get("tgunicorn_requests_in_flight"), 1);
  assert.equal(lines.get('tgunicorn_connections{state="active"}'), 1);
  const listener = `{listener="http://127.0.0.1:${await server.port()}"}`;
  assert.equal(lines.get(`tgunicorn_listen_queue_limit${listener}`), 64);
  assert.equal(lines.get(`tgunicorn_listen_queue${listener}`), 0);
  held.release();
  assert.equal((await answer).body, "late");
  await until(
    scrape,
    (found) =>
      found.get("tgunicorn_requests_in_flight") === 0 &&
      found.get("tgunicorn_accept_wait_seconds_count") === 1,
  );
  // The loop looks at itself each second.
  const looked = await until(scrape, (found) => found.has('tgunicorn_worker_heap_used_bytes{worker="1"}'));
  assert.ok((looked.get('tgunicorn_worker_heap_used_bytes{worker="1"}') ?? 0) > 1e6);
  assert.ok((looked.get('tgunicorn_worker_event_loop_utilization{worker="1"}') ?? 2) <= 1);
  assert.ok(looked.has('tgunicorn_worker_event_loop_delay_seconds{worker="1",percentile="99"}'));
  idle.destroy();
  await server.stop();
});

test("a request that was answered in the application's stead, and a stuck thread, are harakiris", async (t) => {
  const { server, scrape } = await metered(
    t,
    ["-k", "threaded", "--threads", "2", "--timeout", "1", "--request-timeout", "0.5"],
    {
      files: {
        "app.mjs": `export const app = (request, response) => {
  if (request.url === "/stuck") for (;;);
  if (request.url === "/hello") response.end("hello");
};`,
      },
      expected: [/Request timeout/, /Thread stuck/],
    },
  );
  await ready(server, 1);
  assert.equal((await get(await server.url("/never"))).status, 504);
  await assert.rejects(get(await server.url("/stuck")));
  await server.saw(/Worker exited/);
  const lines = await until(scrape, (found) => found.get('tgunicorn_harakiris_total{kind="thread"}') === 1);
  assert.equal(lines.get('tgunicorn_harakiris_total{kind="request"}'), 1);
  assert.equal(lines.get('tgunicorn_worker_exits_total{reason="recycled"}'), 1);
  await server.stop();
});

test("metrics, probes, the page and the control socket answer while every worker is stuck", async (t) => {
  const { server, metricsUrl, scrape } = await metered(
    t,
    ["-k", "eventloop", "-w", "2", "-t", "600", "-p", "app.pid"],
    {
      expected: [/Killing/],
    },
  );
  await ready(server, 2);
  // They have looked at themselves once.
  for (const worker of [1, 2])
    await until(scrape, (found) => found.has(`tgunicorn_worker_event_loop_utilization{worker="${worker}"}`));
  const url = await server.url("/stuck");
  // One after another: a worker may take two before it looks at the first.
  const cut = [get(url).catch(() => "cut")];
  await server.saw(/STUCK/);
  cut.push(get(url).catch(() => "cut"));
  await server.saw(/STUCK/, 2);
  await until(scrape, (found) => found.get("tgunicorn_requests_in_flight") === 2);
  assert.equal((await get(`${metricsUrl}/livez`)).status, 200);
  assert.equal((await get(`${metricsUrl}/readyz`)).status, 200);
  assert.match((await get(`${metricsUrl}/`)).body, /<title>tgunicorn<\/title>/);
  const status: unknown = JSON.parse((await get(`${metricsUrl}/status.json`)).body);
  assert.deepEqual(Object.keys(status ?? {}), ["status", "workers", "queues", "history"]);
  const path = join(server.dir, "app.ctl");
  const { list } = await ask(path, "GET", "/workers");
  assert.equal(list.length, 2);
  // The loop itself says nothing of that any more.
  const stuck = await until(
    scrape,
    (found) => found.get('tgunicorn_worker_event_loop_utilization{worker="1"}') === 1,
  );
  assert.ok((stuck.get('tgunicorn_worker_event_loop_delay_seconds{worker="1",percentile="99"}') ?? 0) > 1);
  await until(scrape, (found) => (found.get("tgunicorn_worker_cpu_seconds_total") ?? 0) > 1);
  for (let seen = 0; seen !== 2; ) seen = Number((await ask(path, "GET", "/history")).list.at(-1)?.inFlight);
  const text = (await ctl("-s", path, "metrics")).stdout;
  assert.equal(parse(text).get("tgunicorn_workers_wanted"), 2);
  const samples: unknown = JSON.parse((await ctl("-s", path, "metrics", "--json")).stdout);
  assert.ok(Object.keys(samples ?? {}).includes("tgunicorn_requests_in_flight"));
  assert.equal((await ctl("-s", path, "stop", "--quick")).code, 0);
  assert.deepEqual(await Promise.all(cut), ["cut", "cut"]);
  await server.stop();
});

test("metrics and probes share an address where both ask for it", async (t) => {
  const conf = (port: string): string =>
    `export default { metricsBind: "unix:${port}.sock", healthBind: "unix:${port}.sock" };`;
  const server = start(t, ["-b", "127.0.0.1:0", "--log-level", "debug", "app:app"], {
    files: { "app.mjs": APP, "gunicorn.conf.mjs": conf("one") },
  });
  await server.saw(/Metrics: unix:one\.sock/);
  await ready(server, 1);
  const socketPath = join(server.dir, "one.sock");
  assert.equal((await get({ socketPath, path: "/readyz" })).status, 200);
  assert.equal((await get({ socketPath, path: "/metrics" })).status, 200);
  const missing = await get({ socketPath, path: "/nothing" });
  assert.equal(missing.status, 404);
  assert.equal(server.count(/Health: /), 0);
  await server.stop();
});

test("without metricsBind and a control socket nothing is counted", async (t) => {
  const app = `import { readdirSync, readlinkSync } from "node:fs";
const files = () => readdirSync("/proc/self/fd").flatMap((fd) => {
  try { return [readlinkSync("/proc/self/fd/" + fd)]; } catch { return []; }
});
export const app = (request, response) => response.end(String(files().filter((name) => name.includes("tgunicorn-")).length));`;
  const files = { "app.mjs": app };
  const plain = start(t, ["-b", "127.0.0.1:0", "app:app"], { files });
  const counting = await metered(t, [], { files });
  const held = async (server: Server): Promise<number> => Number((await get(await server.url())).body);
  assert.equal(await held(plain), 0);
  assert.equal(await held(counting.server), 1);
  await plain.stop();
  await counting.server.stop();
});

test("an address that is taken is told of, and the server serves all the same", async (t) => {
  const other = net.createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  t.after(() => other.close());
  const address = other.address();
  const port = typeof address === "object" ? address?.port : 0;
  const server = start(t, ["-b", "127.0.0.1:0", "--metrics-bind", `127.0.0.1:${port}`, "app:app"], {
    files: { "app.mjs": APP },
    expected: [/Nobody serves metrics at metricsBind: .*EADDRINUSE.*The server serves all the same/],
  });
  await server.saw(/Nobody serves metrics/);
  assert.equal((await get(await server.url())).body, "hello");
  await server.stop();
});
