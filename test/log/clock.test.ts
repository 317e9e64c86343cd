import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { accessStamp, errorStamp } from "../../src/log/clock.ts";

const zone = process.env.TZ;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

const cases = [
  ["UTC", "2026-01-02T03:04:05.678Z", "[2026-01-02 03:04:05 +0000]", "[02/Jan/2026:03:04:05 +0000]"],
  ["Asia/Kolkata", "2026-11-20T21:38:00Z", "[2026-11-21 03:08:00 +0530]", "[21/Nov/2026:03:08:00 +0530]"],
  ["America/St_Johns", "2026-12-31T23:59:59Z", "[2026-12-31 20:29:59 -0330]", "[31/Dec/2026:20:29:59 -0330]"],
  ["Europe/Berlin", "2026-07-01T00:00:00Z", "[2026-07-01 02:00:00 +0200]", "[01/Jul/2026:02:00:00 +0200]"],
] as const;

for (const [name, at, error, access] of cases) {
  test(`stamps in ${name}`, () => {
    process.env.TZ = name;
    assert.equal(errorStamp(Date.parse(at)), error);
    assert.equal(accessStamp(Date.parse(at)), access);
  });
}

test("a stamp changes with the second, and back with a clock that is set back", () => {
  process.env.TZ = "UTC";
  const at = Date.parse("2026-03-04T05:06:07.999Z");
  assert.equal(errorStamp(at), "[2026-03-04 05:06:07 +0000]");
  assert.equal(errorStamp(at - 999), "[2026-03-04 05:06:07 +0000]");
  assert.equal(errorStamp(at + 1), "[2026-03-04 05:06:08 +0000]");
  assert.equal(errorStamp(at - 1000), "[2026-03-04 05:06:06 +0000]");
});
