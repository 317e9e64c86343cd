import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { openLatch } from "./latch.ts";
import { FIXTURES, start } from "./server.ts";

const APPS = join(FIXTURES, "apps.mjs");

/** Connections with a request sent, made one after the other; what each is answered. */
async function ask(address: net.NetConnectOpts, count: number): Promise<(() => Promise<string>)[]> {
  const answers: (() => Promise<string>)[] = [];
  for (let made = 0; made < count; made++) {
    const socket = net.connect(address);
    await once(socket, "connect");
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let text = "";
    socket.setEncoding("utf8").on("data", (data: string) => {
      text += data;
    });
    const closed = new Promise<string>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("close", () => resolve(text));
    });
    // It is looked at later.
    closed.catch(() => undefined);
    answers.push(() => closed);
  }
  return answers;
}

for (const [kind, extra] of [
  ["sync", []],
  ["threaded", []],
  ["eventloop", ["--worker-connections", "1"]],
] as const) {
  for (const [whom, family] of [
    ["", "TCP"],
    ["", "unix"],
    [" to the whole process group", "TCP"],
  ] as const) {
    test(`${kind}: TERM${whom} answers all that wait in the kernel's queue, over ${family}`, async (t) => {
      const latch = await openLatch();
      t.after(() => latch.close());
      const dir = mkdtempSync(join(tmpdir(), "stop-"));
      t.after(() => rmSync(dir, { recursive: true, force: true }));
      const path = join(dir, "s.sock");
      const bind = family === "TCP" ? "127.0.0.1:0" : `unix:${path}`;
      const server = start(t, ["-k", kind, ...extra, "-b", bind, "--log-level", "debug", `${APPS}:hold`], {
        env: { LATCH: latch.path },
      });
      await ready(server, 1);
      const address = family === "TCP" ? { port: await server.port(), host: "127.0.0.1" } : { path };
      const busy =
        family === "TCP" ? get(await server.url("/hold")) : get({ socketPath: path, path: "/hold" });
      const held = await latch.held();
      const answers = await ask(address, 100);
      server.signal("SIGTERM", whom === "" ? server.pid : -server.pid);
      await server.saw(/Handling signal: term/);
      held.release();
      assert.equal((await busy).status, 200);
      for (const answer of answers) assert.match(await answer(), /^HTTP\/1\.1 200 /);
      await server.stop();
    });
  }
}

test("TERM with 500 idle keep-alive connections ends at once", async (t) => {
  const server = start(t, [
    "-k",
    "eventloop",
    "-w",
    "2",
    "-b",
    "127.0.0.1:0",
    "--keep-alive",
    "60",
    "--log-level",
    "debug",
    `${APPS}:pid`,
  ]);
  await ready(server, 2);
  const url = await server.url();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 500, maxFreeSockets: 500 });
  t.after(() => agent.destroy());
  const answers = await Promise.all(Array.from({ length: 500 }, () => get(url, agent)));
  assert.ok(answers.every(({ status }) => status === 200));
  const idle = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
  assert.ok(idle.length > 400, `only ${idle.length} connections are idle`);
  const before = performance.now();
  server.signal("SIGTERM");
  await server.saw(/Stop complete$/m);
  await server.exited;
  const took = performance.now() - before;
  // Far less than they may stay open, or requests may take; bench/storm.ts measures it.
  assert.ok(took < 10_000, `it took ${took} ms:\n${server.log()}`);
  await server.stop();
});

test("TERM to a worker has it replaced, and then finish", async (t) => {
  const latch = await openLatch();
  t.after(() => latch.close());
  const args = ["-k", "eventloop", "-b", "127.0.0.1:0", "--log-level", "debug", `${APPS}:hold`];
  const server = start(t, args, { env: { LATCH: latch.path } });
  await ready(server, 1);
  const busy = get(await server.url("/hold"));
  const held = await latch.held();
  const [pid = 0] = server.workerPids();
  server.signal("SIGTERM", pid);
  await server.saw(/Recycling worker=1 gen=1 pid=\d+: it was sent SIGTERM/);
  await server.saw(/Draining worker=1/);
  assert.equal(server.count(/Ready worker/), 2);
  held.release();
  assert.equal((await busy).status, 200);
  await server.saw(new RegExp(`Worker exited: .*pid=${pid}`));
  await server.stop();
});
