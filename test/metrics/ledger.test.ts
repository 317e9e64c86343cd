import assert from "node:assert/strict";
import { test } from "node:test";
import { BOUNDS, bucketOf, FINE_BUCKETS, fineBucketOf, percentile } from "../../src/metrics/buckets.ts";
import { addRow, countOf, fineCounts, readCounted, readGauges } from "../../src/metrics/counted.ts";
import { createLedger } from "../../src/metrics/ledger.ts";
import { emptyRow, LEDGER_BYTES } from "../../src/metrics/row.ts";
import { metrics } from "../../src/metrics/table.ts";

/** A ledger whose turns of the event loop end when the test says so. */
function ledgerWithFile() {
  const file = new Uint8Array(LEDGER_BYTES);
  let writes = 0;
  let pending: (() => void) | undefined;
  let lazy: (() => void) | undefined;
  const ledger = createLedger({
    write(bytes, length) {
      writes++;
      file.set(bytes.subarray(0, length));
    },
    later(callback) {
      assert.equal(pending, undefined, "one write for each turn");
      pending = callback;
    },
    lazily(callback) {
      assert.equal(lazy, undefined, "one timer at a time");
      lazy = callback;
    },
  });
  return {
    ledger,
    row: () => new Float64Array(file.buffer),
    writes: () => writes,
    turn() {
      const callback = pending;
      pending = undefined;
      callback?.();
    },
    moment() {
      const callback = lazy;
      lazy = undefined;
      callback?.();
    },
  };
}

test("a duration falls into the first bucket whose bound it does not exceed", () => {
  assert.equal(bucketOf(0), 0);
  assert.equal(bucketOf(1), 0);
  assert.equal(bucketOf(1.001), 1);
  assert.equal(bucketOf(60_000), BOUNDS.length - 1);
  assert.equal(bucketOf(60_001), BOUNDS.length);
});

test("percentiles of the fine buckets are right to within 5 %", () => {
  for (const value of [0.06, 0.5, 3, 42, 999, 30_000]) {
    const counts = new Float64Array(FINE_BUCKETS);
    counts[fineBucketOf(value)] = 10;
    const found = percentile(counts, 0.99) ?? 0;
    assert.ok(Math.abs(found / value - 1) < 0.05, `${value} is told as ${found}`);
  }
  const mixed = new Float64Array(FINE_BUCKETS);
  for (let i = 0; i < 98; i++) mixed[fineBucketOf(1)] = (mixed[fineBucketOf(1)] ?? 0) + 1;
  mixed[fineBucketOf(500)] = 2;
  assert.ok((percentile(mixed, 0.5) ?? 0) < 1.1);
  assert.ok((percentile(mixed, 0.99) ?? 0) > 450);
  assert.equal(percentile(new Float64Array(FINE_BUCKETS), 0.5), null);
  assert.equal(fineBucketOf(1e9), FINE_BUCKETS - 1);
  assert.equal(fineBucketOf(Number.NaN), 0);
});

test("what happens in one turn of the loop is written once, at its end", () => {
  const { ledger, row, writes, turn } = ledgerWithFile();
  for (let i = 0; i < 3; i++) {
    ledger.begun();
    ledger.ended("GET", 200, 3, 10);
  }
  assert.equal(writes(), 0);
  turn();
  assert.equal(writes(), 1);
  assert.equal(readCounted(row()).ended, 3);
  turn();
  assert.equal(writes(), 1, "nothing has changed");
});

test("where eight turns have hardly more than a request each, the next are written as they end, until it is looked at again", () => {
  const { ledger, row, writes, turn } = ledgerWithFile();
  const request = (): void => ledger.ended("GET", 200, 3, 10);
  const turns = (requests: readonly number[]): void => {
    for (const count of requests) {
      for (let i = 0; i < count; i++) request();
      turn();
    }
  };
  turns([1, 2, 1, 2, 2, 1, 2, 1]);
  assert.equal(writes(), 8, "12 requests, each turn's end waited for");
  turns([1, 1, 1, 1, 1, 1, 1, 4]);
  assert.equal(writes(), 16, "11 requests");
  turns([248]);
  assert.equal(writes(), 16 + 248);
  turns([2, 2, 2, 2, 2, 2, 2, 2, 2]);
  assert.equal(writes(), 16 + 248 + 9);
  assert.equal(readCounted(row()).ended, 12 + 11 + 248 + 18);
});

test("what is no request's end waits for one, or for a moment", () => {
  const { ledger, row, writes, turn, moment } = ledgerWithFile();
  ledger.opened();
  ledger.begun();
  turn();
  assert.equal(writes(), 0);
  ledger.ended("GET", 200, 3, 10);
  turn();
  assert.deepEqual([writes(), readCounted(row()).connections], [1, 1]);
  moment();
  assert.equal(writes(), 1, "nothing has changed");
  ledger.closed();
  moment();
  assert.equal(readCounted(row()).closed, 1);
  ledger.begun();
  ledger.flush();
  assert.equal(readCounted(row()).begun, 2);
});

test("requests are told by method and status, unknown ones together", () => {
  const { ledger, row, turn } = ledgerWithFile();
  ledger.ended("GET", 204, 0.5, 0);
  ledger.ended("POST", 503, 2_000, 7);
  ledger.ended("BREW", 418, 1, 1);
  ledger.ended("GET", 0, 1, 0);
  ledger.ended("GET", 101, 1, 0);
  turn();
  const counted = readCounted(row());
  assert.deepEqual(
    counted.requests.map(({ method, status, count }) => [method, status, count]),
    [
      ["GET", "1xx", 1],
      ["GET", "2xx", 1],
      ["GET", "none", 1],
      ["POST", "5xx", 1],
      ["other", "4xx", 1],
    ],
  );
  const slow = counted.requests.find(({ status }) => status === "5xx");
  assert.equal(slow?.sum, 2);
  assert.equal(slow?.buckets[BOUNDS.indexOf(2.5)], 1);
  assert.equal(counted.sentBytes, 8);
  assert.deepEqual(countOf(row()), { ended: 5, failed: 2 });
  assert.equal(
    fineCounts(row()).reduce((sum, n) => sum + n, 0),
    5,
  );
});

test("rows add up, but for what is so just now", () => {
  const one = ledgerWithFile();
  one.ledger.opened();
  one.ledger.collected("major", 20);
  one.ledger.processor(1.5);
  one.ledger.waited(4);
  one.ledger.lost({ error: 1, access: 2, syslog: 0, statsd: 3 });
  one.ledger.lost({ error: 1, access: 4, syslog: 0, statsd: 3 });
  one.ledger.gauges({
    delayP50: 1,
    delayP99: 2,
    delayMax: 3,
    utilization: 0.5,
    heapUsed: 10,
    heapTotal: 20,
    looks: 1,
  });
  one.moment();
  const sum = emptyRow();
  addRow(sum, one.row());
  addRow(sum, one.row());
  const counted = readCounted(sum);
  assert.equal(counted.connections, 2);
  assert.equal(counted.collecting.major, 0.04);
  assert.deepEqual(counted.lost, { error: 2, access: 8, syslog: 0, statsd: 6 });
  assert.equal(counted.processor, 3);
  assert.equal(counted.wait.count, 2);
  assert.equal(readGauges(sum).heapTotal, 0);
  assert.equal(readGauges(one.row()).delayMax, 3);
});

test("names of metrics are Prometheus's", () => {
  for (const [name, { type, labels }] of Object.entries(metrics)) {
    assert.match(name, /^tgunicorn_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    for (const label of labels) assert.match(label, /^[a-z_]+$/);
  }
});
