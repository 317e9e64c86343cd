import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { openLatch } from "./latch.ts";
import { type Server, type StartOptions, start, type Undo } from "./server.ts";

const APP = `export const app = (request, response) => {
  if (request.url === "/stuck") {
    process.stderr.write("STUCK\\n");
    for (;;);
  }
  response.end("hello");
};`;

interface Probed {
  readonly server: Server;
  readonly probe: (path: string) => Promise<{ status: number; body: Readonly<Record<string, unknown>> }>;
}

async function probed(t: Undo, args: readonly string[], options: StartOptions = {}): Promise<Probed> {
  const given = ["-b", "127.0.0.1:0", "--health-bind", "127.0.0.1:0", "--log-level", "debug"];
  const server = start(t, [...given, ...args, "app:app"], {
    ...options,
    files: { "app.mjs": APP, ...options.files },
  });
  const [, url] = await server.saw(/Health: (http:\S+)/);
  return {
    server,
    async probe(path) {
      const { status, body } = await get(`${url}${path}`);
      return { status, body: JSON.parse(body) };
    },
  };
}

test("it is live from the start, and ready when enough workers serve", async (t) => {
  const latch = await openLatch();
  t.after(() => latch.close());
  const slow = `import net from "node:net";
await new Promise((resolve) => net.connect(${JSON.stringify(latch.path)}).on("data", resolve));
export const app = (request, response) => response.end("hello");`;
  const { server, probe } = await probed(t, ["-w", "3", "--ready-quorum", "60%"], {
    files: { "app.mjs": slow },
  });
  const [first, second, third] = [await latch.held(), await latch.held(), await latch.held()];
  assert.deepEqual(await probe("/livez"), { status: 200, body: { live: true } });
  first.release();
  await ready(server, 1);
  assert.deepEqual(await probe("/readyz?verbose"), {
    status: 503,
    body: { ready: false, reason: "1 worker(s) serve, 2 are needed", serving: 1, wanted: 3, needed: 2 },
  });
  second.release();
  await ready(server, 2);
  assert.deepEqual(await probe("/readyz"), {
    status: 200,
    body: { ready: true, reason: null, serving: 2, wanted: 3, needed: 2 },
  });
  third.release();
  await ready(server, 3);
  assert.equal((await probe("/")).status, 404);
  await server.stop();
});

test("probes are answered while every worker is stuck, and red while the server drains", async (t) => {
  const { server, probe } = await probed(t, ["-w", "1", "--drain-delay", "60"], { expected: [/Killing/] });
  await ready(server, 1);
  const stuck = get(await server.url("/stuck")).catch(() => "cut");
  await server.saw(/STUCK/);
  const begun = performance.now();
  assert.equal((await probe("/livez")).status, 200);
  assert.equal((await probe("/readyz")).status, 200);
  const took = performance.now() - begun;
  t.diagnostic(`two probes took ${took.toFixed(0)} ms`);
  server.signal("SIGTERM");
  await server.saw(/Stopping in 60 s/);
  const { status, body } = await probe("/readyz");
  assert.deepEqual([status, body.reason], [503, "the server stops"]);
  assert.equal((await probe("/livez")).status, 200);
  server.signal("SIGINT");
  assert.equal(await stuck, "cut");
  await server.stop();
});

test("an upgrade hands the address for probes over", async (t) => {
  const files = { "gunicorn.conf.mjs": `export default { healthBind: "unix:health.sock" };` };
  const server = start(t, ["-b", "127.0.0.1:0", "-p", "app.pid", "--log-level", "debug", "app:app"], {
    files: { "app.mjs": APP, ...files },
  });
  const probe = { socketPath: join(server.dir, "health.sock"), path: "/readyz" };
  await server.saw(/Health: unix:health.sock/);
  await ready(server, 1);
  assert.equal((await get(probe)).status, 200);
  server.signal("SIGUSR2");
  const [, young = ""] = await server.saw(/Upgrade: arbiter pid=(\d+)/);
  await ready(server, 2);
  server.signal("SIGTERM");
  await server.saw(/Health: unix:health.sock/, 2);
  assert.equal((await get(probe)).status, 200);
  await server.saw(/Promoted/);
  server.signal("SIGTERM", Number(young));
  await server.stop();
});

test("a reload lets the addresses of probes and metrics change places, and says where one stays", async (t) => {
  const conf = (health: string, metrics: string): string =>
    `export default { healthBind: "unix:${health}", metricsBind: "unix:${metrics}" };`;
  const server = start(t, ["-b", "127.0.0.1:0", "--log-level", "debug", "app:app"], {
    files: { "app.mjs": APP, "gunicorn.conf.mjs": conf("a.sock", "b.sock") },
    expected: [/Health stays at unix:b.sock: .*in use by another process.* use another --health-bind$/],
  });
  const on = async (path: string): Promise<number> =>
    (await get({ socketPath: join(server.dir, path), path: "/metrics" })).status;
  await server.saw(/Health: unix:a.sock/);
  await server.saw(/Metrics: unix:b.sock/);
  assert.deepEqual([await on("a.sock"), await on("b.sock")], [404, 200]);
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), conf("b.sock", "a.sock"));
  server.signal("SIGHUP");
  await server.saw(/Health: unix:b.sock/);
  await server.saw(/Metrics: unix:a.sock/);
  assert.deepEqual([await on("a.sock"), await on("b.sock")], [200, 404]);
  await server.saw(/Reload complete/);
  const other = net.createServer().listen(join(server.dir, "c.sock"));
  t.after(() => other.close());
  await once(other, "listening");
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), conf("c.sock", "a.sock"));
  server.signal("SIGHUP");
  await server.saw(/Health stays at unix:b.sock/);
  assert.equal(await on("b.sock"), 404);
  await server.saw(/Reload complete/, 2);
  other.close();
  await server.stop();
});

test("an address that can't be had is told of, and the server serves", async (t) => {
  const { server } = await probed(t, []);
  const [, url = ""] = await server.saw(/Health: http:\/\/(\S+)/);
  const other = start(t, ["-b", "127.0.0.1:0", "--health-bind", url, "app:app"], {
    files: { "app.mjs": APP },
    expected: [/Nobody answers probes at healthBind: .*EADDRINUSE/],
  });
  await other.saw(/Nobody answers probes/);
  assert.equal((await get(await other.url())).body, "hello");
  await other.stop();
  await server.stop();
});
