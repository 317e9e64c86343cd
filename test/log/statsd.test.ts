import assert from "node:assert/strict";
import { test } from "node:test";
import { createStatsd, openStatsd, packMetrics } from "../../src/metrics/statsd.ts";
import { randomFrom } from "../sim/random.ts";
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

/** What is told of `count` requests, the n-th of which takes n microseconds. */
function toldOf(count: number, random: () => number): string[] {
  const written: string[] = [];
  const settings = { statsdHost: null, statsdPrefix: "", dogstatsdTags: "env:prod" };
  const { requests, flush } = createStatsd(settings, { write: (line) => written.push(line) }, random);
  for (let n = 0; n < count; n++) requests.write(record, n / 1_000);
  flush();
  // What follows begins anew.
  requests.write(record, 5);
  flush();
  return written;
}

const durationsOf = (lines: readonly string[]): number[] =>
  lines.flatMap((line) => {
    const [, value] = line.match(/^gunicorn\.request\.duration:([\d.]+)\|ms/) ?? [];
    return value === undefined ? [] : [Number(value)];
  });

test("all durations are told of up to 255 in a tenth of a second, and of more a part, with its share", () => {
  assert.equal(durationsOf(toldOf(255, assert.fail)).length, 255 + 1);
  const count = 20_000;
  const lines = toldOf(count, randomFrom(1).next);
  const told = durationsOf(lines).slice(0, -1);
  const share = Number(lines[0]?.match(/\|@([\d.]+)\|#env:prod$/)?.[1]);
  assert.ok(Number.isInteger(Math.log2(share)), `a power of a half: ${share}`);
  for (const line of lines.slice(0, told.length)) assert.ok(line.endsWith(`|ms|@${share}|#env:prod`), line);
  assert.ok(told.length < 256 && told.length > 64, `${told.length} are told of`);
  // The daemon's own count, from the sample, comes near to the truth, which the counter tells.
  assert.ok(Math.abs(told.length / share / count - 1) < 0.25, `${told.length} at ${share}`);
  const mean = told.reduce((sum, value) => sum + value, 0) / told.length;
  assert.ok(Math.abs(mean / (count / 2_000) - 1) < 0.15, `early and late ones alike: a mean of ${mean} ms`);
  assert.deepEqual(lines.slice(told.length), [
    `gunicorn.requests:${count}|c|#env:prod`,
    `gunicorn.request.status.200:${count}|c|#env:prod`,
    "gunicorn.request.duration:5|ms|#env:prod",
    "gunicorn.requests:1|c|#env:prod",
    "gunicorn.request.status.200:1|c|#env:prod",
  ]);
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
