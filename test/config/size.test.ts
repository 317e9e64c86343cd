import assert from "node:assert/strict";
import { test } from "node:test";
import { formatSize, size } from "../../src/config/codec-size.ts";

const codec = size();

for (const [text, bytes] of [
  ["0", 0],
  ["1000", 1000],
  ["64K", 65_536],
  ["512M", 536_870_912],
  ["512m", 536_870_912],
  ["512MB", 536_870_912],
  ["512MiB", 536_870_912],
  ["512 M", 536_870_912],
  ["1.5G", 1_610_612_736],
  [".5k", 512],
  ["1T", 1_099_511_627_776],
  ["12B", 12],
] as const) {
  test(`${text} is ${bytes} bytes, in a file as well`, () => {
    assert.deepEqual(codec.parse([text]), { ok: true, value: bytes });
    assert.deepEqual(codec.accept(text), { ok: true, value: bytes });
    assert.deepEqual(codec.accept(bytes), { ok: true, value: bytes });
  });
}

for (const wrong of ["", "M", "-1", "1X", "1e3", "1,5G", "5 parsecs", "99999999T"]) {
  test(`${JSON.stringify(wrong)} is no size`, () => {
    assert.deepEqual(codec.parse([wrong]), {
      ok: false,
      what: `expected a size such as 512M, 1.5G or a number of bytes, got ${JSON.stringify(wrong)}`,
    });
  });
}

test("a file's number must be whole and not below 0", () => {
  for (const wrong of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, null, {}])
    assert.ok(!codec.accept(wrong).ok);
});

test("sizes are written with the largest unit that divides them", () => {
  assert.deepEqual([0, 1, 1023, 1024, 1536, 1 << 20, 3 << 29, 1024 ** 5].map(formatSize), [
    "0",
    "1",
    "1023",
    "1K",
    "1536",
    "1M",
    "1536M",
    "1024T",
  ]);
});
