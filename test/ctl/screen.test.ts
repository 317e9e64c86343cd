import assert from "node:assert/strict";
import { test } from "node:test";
import { picture, type Sample, sortKeys } from "../../src/ctl/screen.ts";
import { sparkline } from "../../src/ctl/sparkline.ts";

const worker = (number: number, more: object = {}): object => ({
  worker: number,
  generation: 1,
  pid: 100 + number,
  phase: "serving",
  uptime: 61,
  silent: 0.4,
  rss: 50 * 1024 * 1024,
  cpu: number,
  figures: {
    perSecond: 10 * number,
    p50: 1.234,
    p99: 100 - number,
    inFlight: 0,
    loop: { delayP99: number / 1_000 },
  },
  requests: { count: number, longest: [{ line: `GET /${number}`, client: "127.0.0.1:1", age: number }] },
  ...more,
});

const sample = (workers: readonly object[], history: readonly object[] = []): Sample => ({
  at: 1_000,
  status: {
    server: "tgunicorn/1.2.3",
    app: "app:app",
    pid: 41,
    phase: "running",
    uptime: 3,
    generation: 1,
    workers: { wanted: 3, serving: 3 },
    reload: null,
  },
  workers,
  history,
});

const view = { sort: "w", columns: 120, rows: 30, trouble: null };
const three = [worker(1), worker(2), worker(3)];

test("a sparkline is as wide as asked, its highest block the greatest value", () => {
  assert.equal(sparkline([0, 1, 2, 4], 6), "  ▁▃▅█");
  assert.equal(sparkline([1, 2, 3], 2), "▆█");
  assert.equal(sparkline([0, null, 0], 3), "▁ ▁");
  assert.equal(sparkline([], 2), "  ");
});

test("a picture has every figure of a worker, and the fleet's as sparklines", () => {
  const history = [
    { perSecond: 5, p99: null, inFlight: 1 },
    { perSecond: 60, p99: 8.25, inFlight: 6 },
  ];
  const { lines, head } = picture(sample(three, history), null, view);
  assert.match(lines[2] ?? "", /^requests\/s +60 +▂█$/);
  assert.match(lines[3] ?? "", /^p99 +8\.25 ms +█$/);
  assert.match(
    lines[head] ?? "",
    /^WORKER +GEN +PID STATE +REQ\/S +P50 +P99 +NOW +OLDEST +LOOP +CPU +RSS +UPTIME$/,
  );
  assert.match(
    lines[head + 1] ?? "",
    /^ +1 +1 +101 serving +10 +1\.23 +99\.0 +1 +1\.0 s +1\.00 +- +50\.0 MB +1 min 1 s$/,
  );
  assert.ok(lines.some((line) => line === "longest request: GET /3 for 3.0 s"));
});

test("each key sorts by its column", () => {
  const first = (sort: string): string => {
    const { lines, head } = picture(sample(three), null, { ...view, sort });
    return (lines[head + 1] ?? "").trim().split(/ +/)[0] ?? "";
  };
  assert.deepEqual(Object.fromEntries(Object.keys(sortKeys).map((key) => [key, first(key)])), {
    w: "1",
    s: "3",
    p: "1",
    r: "3",
    o: "3",
    l: "3",
    c: "1",
    m: "1",
    u: "1",
  });
});

test("a worker that is silent is shown as stuck, one that counts nothing with dashes", () => {
  const odd = [worker(1, { silent: 12 }), worker(2, { figures: null, requests: null })];
  const { lines, head } = picture(sample(odd), null, view);
  assert.match(lines[head + 1] ?? "", /STUCK/);
  assert.match(lines[head + 2] ?? "", /serving +- +- +- +0 +- +- +-/);
});

test("no control character of the server's reaches the terminal", () => {
  const app = "a\u001b]0;b\u0007\u009b2J\nc";
  const { lines } = picture({ ...sample(three), status: { app } }, null, view);
  assert.match(lines[0] ?? "", / a\?\]0;b\?\?2J c /);
});

test("a picture fits the terminal, however small", () => {
  const many = Array.from({ length: 40 }, (_, index) => worker(index + 1));
  for (const [columns, rows] of [
    [80, 24],
    [20, 6],
    [1, 1],
  ] as const) {
    const { lines } = picture(sample(many, [{ perSecond: 1 }]), null, { ...view, columns, rows });
    assert.ok(lines.length <= rows && lines.every((line) => line.length <= columns));
  }
  const { lines } = picture(sample(many), null, { ...view, rows: 20 });
  assert.ok(lines.some((line) => /^and \d+ more$/.test(line)));
  assert.match(picture(null, null, { ...view, trouble: "gone" }).lines.join("\n"), /gone/);
});
