import assert from "node:assert/strict";
import { test } from "node:test";
import { beatInterval, longestSilence } from "../../src/ipc/beat.ts";

test("code that blocks a loop for less than its timeout is never taken for stuck, and for half a second more at most", () => {
  for (const timeout of [0.2, 1, 2, 5, 30, 300]) {
    const every = beatInterval(timeout);
    // Just after a beat, just before the next.
    for (const since of [0, every]) {
      const silence = since + timeout * 1_000;
      assert.ok(longestSilence(timeout) >= silence, `${timeout} s, blocked ${since} ms after a beat`);
      assert.ok(longestSilence(timeout) - silence <= 500);
    }
    assert.ok(every <= 500 && every <= timeout * 100);
  }
  assert.deepEqual([beatInterval(0), longestSilence(0)], [Number.POSITIVE_INFINITY, 0]);
});
