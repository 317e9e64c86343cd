// Logs and metrics that go to daemons: the test's own, dead ones, and ones that have gone.

import assert from "node:assert/strict";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { listenStream, listenUdp, splitCounted } from "../log/listeners.ts";
import { freePort } from "../peers/port.ts";
import { get, ready } from "./client.ts";
import { startLoad } from "./load.ts";
import { FIXTURES, scratch, start } from "./server.ts";

const APP = `${join(FIXTURES, "apps.mjs")}:pid`;
const LOCAL = ["-b", "127.0.0.1:0", "--log-level", "debug"];

for (const kind of ["eventloop", "sync", "threaded"]) {
  test(`${kind}: syslog gets both logs, statsd Gunicorn's metrics, and nothing is lost at the end`, async (t) => {
    const syslog = await listenStream(t, splitCounted, { port: 0 });
    const statsd = await listenUdp(t);
    const server = start(t, [
      ...LOCAL,
      ...["-k", kind, "-w", "2", "-n", "web", "--statsd-host", `127.0.0.1:${statsd.port}`],
      ...[
        "--log-syslog",
        "--log-syslog-to",
        `tcp://127.0.0.1:${syslog.port}`,
        "--log-syslog-format",
        "rfc5424",
      ],
      APP,
    ]);
    await ready(server, 2);
    const url = await server.url("/path");
    for (let i = 0; i < 30; i++) await get(url);
    await server.stop();
    const isAccess = (message: string): boolean => message.includes(" gunicorn.web.access ");
    await syslog.until((messages) => messages.filter(isAccess).length >= 30);
    await syslog.saw((message) => message.includes("Worker exited"));
    const access = syslog.messages.filter(isAccess);
    assert.equal(access.length, 30);
    assert.match(
      access[0] ?? "",
      /^<14>1 \S+ \S+ gunicorn\.web\.access \d+ - - 127\.0\.0\.1 - - .*"GET \/path HTTP\/1\.1" 200/,
    );
    assert.ok(syslog.messages.some((message) => /gunicorn\.web\.error \d+ - - Listening at/.test(message)));
    const metrics = (): string[] => statsd.messages.flatMap((message) => message.split("\n"));
    const counted = (name: string): number =>
      metrics()
        .map((metric) => /^(.*):(\d+)\|c$/.exec(metric))
        .reduce((sum, found) => sum + (found?.[1] === name ? Number(found[2]) : 0), 0);
    const durations = (): number =>
      metrics().filter((metric) => metric.startsWith("gunicorn.request.duration:")).length;
    await statsd.until(() => counted("gunicorn.request.status.200") >= 30 && durations() >= 30);
    assert.equal(counted("gunicorn.requests"), 30);
    assert.equal(counted("gunicorn.request.status.200"), 30);
    assert.equal(durations(), 30);
    assert.ok(metrics().includes("gunicorn.workers:2|g"));
  });
}

test("the access log stays out of syslog where that is asked for", async (t) => {
  const syslog = await listenUdp(t);
  const server = start(t, [
    ...LOCAL,
    ...["--log-syslog", "--log-syslog-to", `udp://127.0.0.1:${syslog.port}`, "--log-syslog-prefix", "p"],
    ...["--disable-redirect-access-to-syslog", APP],
  ]);
  await ready(server, 1);
  await get(await server.url());
  await server.stop();
  await syslog.saw((message) => /gunicorn\.p\.error\[\d+\]: Worker exited/.test(message));
  assert.ok(!syslog.messages.some((message) => message.includes("access")));
});

test("daemons that are dead cost no request, and are told of once", async (t) => {
  const gone = { port: await freePort() };
  const expected = [/syslog tcp:\S+: /, /statsd 127\S+: /];
  const server = start(
    t,
    [
      ...LOCAL,
      ...["-k", "eventloop", "--log-syslog", "--log-syslog-to", `tcp://127.0.0.1:${gone.port}`],
      ...["--statsd-host", `127.0.0.1:${gone.port}`, APP],
    ],
    { expected },
  );
  await ready(server, 1);
  const url = await server.url();
  for (let i = 0; i < 200; i++) assert.equal((await get(url)).status, 200);
  await server.saw(/syslog tcp:\S+: connection refused; lines wait in memory/);
  await server.stop();
  // The worker and the arbiter, each at the break and at the end.
  assert.ok(server.count(/\[WARNING\] syslog/) <= 4, server.log());
  assert.match(server.log(), /syslog tcp:\S+: \d+ lines lost: connection refused/);
});

test("a reload loses nothing that waits for a daemon", async (t) => {
  const path = join(scratch(t), "syslog.sock");
  const to = ["--log-syslog", "--log-syslog-to", `unix://${path}`, "--log-syslog-format", "rfc5424"];
  const server = start(t, [...LOCAL, ...to, APP], { expected: [/syslog unix:\S+: .*lines wait/] });
  await server.saw(/syslog unix:\S+: .*lines wait in memory/);
  await ready(server, 1);
  server.signal("SIGHUP");
  await server.saw(/Reload complete/);
  const syslog = await listenStream(t, splitCounted, { path });
  await syslog.saw((message) => /\.error \d+ - - Listening at/.test(message));
  await syslog.saw((message) => message.includes("Reload complete"));
  await server.stop();
  assert.equal(server.count(/lines? lost/), 0, server.log());
});

test("a daemon that does not read makes no request wait, and what it does not take is counted", async (t) => {
  const sockets: net.Socket[] = [];
  const deaf = net.createServer((socket) => void sockets.push(socket.pause().on("error", () => undefined)));
  await new Promise<void>((resolve) => deaf.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    deaf.close();
  });
  const address = deaf.address();
  assert.ok(typeof address === "object" && address !== null);
  const to = ["--log-syslog", "--log-syslog-to", `tcp://127.0.0.1:${address.port}`];
  const server = start(t, [...LOCAL, "-k", "eventloop", ...to, APP], {
    expected: [/syslog tcp:\S+: \d+ lines? lost/],
  });
  await ready(server, 1);
  // Each line has some 4 KB; the socket's buffers hold a few MB and the outlet 1.
  const load = startLoad([await server.url(`/${"x".repeat(4_000)}`)], { clients: 4, keepAlive: true });
  const lost = server.saw(/\[WARNING\] syslog tcp:\S+: \d+ lines? lost: it takes no more/);
  let told = false;
  void lost.then(() => {
    told = true;
  });
  while (!told && load.answers() < 50_000) await load.more(100);
  const before = load.answers();
  await load.more(500);
  assert.ok(load.answers() >= before + 500);
  await load.stop();
  assert.deepEqual(load.failures, []);
  await lost;
  await server.stop();
  const counted = [...server.log().matchAll(/syslog tcp:\S+: (\d+) lines? lost/g)];
  assert.ok(counted.length <= 4, server.log());
  assert.ok(counted.reduce((sum, [, count]) => sum + Number(count), 0) >= 500, server.log());
});

test("a daemon that hangs up at once costs no request", async (t) => {
  let calls = 0;
  const rude = net.createServer((socket) => {
    calls++;
    socket.resetAndDestroy();
  });
  await new Promise<void>((resolve) => rude.listen(0, "127.0.0.1", resolve));
  t.after(() => rude.close());
  const address = rude.address();
  assert.ok(typeof address === "object" && address !== null);
  const to = ["--log-syslog", "--log-syslog-to", `tcp://127.0.0.1:${address.port}`];
  const server = start(t, [...LOCAL, "-k", "eventloop", ...to, APP], { expected: [/syslog tcp:\S+: /] });
  await ready(server, 1);
  const load = startLoad([await server.url()], { clients: 4, keepAlive: true });
  await load.more(2_000);
  await load.stop();
  assert.deepEqual(load.failures, []);
  await server.saw(/\[WARNING\] syslog tcp:\S+: /);
  await server.stop();
  // It is called again ever later, not for each line.
  assert.ok(calls < 60, `${calls} connections`);
  assert.ok(server.count(/\[WARNING\] syslog/) <= 6, server.log());
});

test("a wrong address is refused, by the name of who gave it", async (t) => {
  for (const [flag, value] of [
    ["--log-syslog-to", "unix:///dev/log#dgram"],
    ["--log-syslog-to", "localhost:514"],
    ["--log-syslog-to", "udp://localhost:0"],
    ["--statsd-host", "unix:///run/statsd"],
  ] as const) {
    const server = start(t, [...LOCAL, flag, value, APP]);
    const { code } = await server.exited;
    assert.notEqual(code, 0);
    assert.match(server.log(), new RegExp(`${flag}: expected .*, got "${value.replaceAll("/", "\\/")}`));
  }
});
