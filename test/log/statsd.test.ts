import assert from "node:assert/strict";
import { test } from "node:test";
import { createStatsd, openStatsd, packMetrics } from "../../src/metrics/statsd.ts";
import { listenUdp } from "./listeners.ts";

const record = {
  client: { address: "" },
  connection: {},
  method: "GET",
  target: "/",
  httpVersion: "1.1",
  header: () => undefined,
  status: 200,
  bodyBytes: 5,
  responseHeader: () => undefined,
};

function metricsOf(statsdPrefix: string, dogstatsdTags: string): string[] {
  const written: string[] = [];
  const { sink, requests, gauge, flush } = createStatsd(
    { statsdHost: null, statsdPrefix, dogstatsdTags },
    { write: (line) => written.push(line) },
  );
  requests.write(record, 1.23456);
  requests.write({ ...record, status: 0 }, 0);
  for (const level of ["debug", "info", "warning", "error", "critical"] as const)
    sink.write({ time: 0, level, message: "x" });
  sink.write({ time: 0, level: "error", message: "x", stack: "Error" });
  gauge("gunicorn.workers", 3);
  flush();
  flush();
  return written;
}

const expected = [
  "gunicorn.log.warning:1|c",
  "gunicorn.log.error:1|c",
  "gunicorn.log.critical:1|c",
  "gunicorn.log.exception:1|c",
  "gunicorn.workers:3|g",
  "gunicorn.request.duration:1.235|ms",
  "gunicorn.request.duration:0|ms",
  "gunicorn.requests:2|c",
  "gunicorn.request.status.200:1|c",
];

test("metrics have Gunicorn's names", () => {
  assert.deepEqual(metricsOf("", ""), expected);
});

test("a prefix gets one dot, and DogStatsD its tags", () => {
  for (const prefix of ["web", "web.", "web.."])
    assert.deepEqual(
      metricsOf(prefix, "env:prod,app:a"),
      expected.map((line) => `web.${line}|#env:prod,app:a`),
    );
});

test("datagrams hold as many metrics as fit a packet, whole", () => {
  const metrics = Array.from({ length: 500 }, (_, i) => `gunicorn.request.status.${i}:1|c`);
  const packets = packMetrics(metrics, 1432);
  assert.deepEqual(
    packets.flatMap(({ text }) => text.split("\n")),
    metrics,
  );
  assert.equal(
    packets.reduce((sum, { count }) => sum + count, 0),
    500,
  );
  for (const { text } of packets) assert.ok(Buffer.byteLength(text) <= 1432);
  assert.ok(packets.length < 15);
  assert.deepEqual(
    packMetrics(["x".repeat(3000), "y"], 1432).map(({ count }) => count),
    [1, 1],
  );
  assert.deepEqual(packMetrics([], 1432), []);
});

test("metrics arrive", async (t) => {
  const server = await listenUdp(t);
  const outlet = openStatsd(
    { statsdHost: { host: "127.0.0.1", port: server.port }, statsdPrefix: "", dogstatsdTags: "" },
    assert.fail,
  );
  t.after(() => outlet?.close());
  outlet?.write("a:1|c");
  outlet?.write("b:1|c");
  await outlet?.settle();
  assert.equal(await server.saw(() => true), "a:1|c\nb:1|c");
});
