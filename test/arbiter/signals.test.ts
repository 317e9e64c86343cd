import assert from "node:assert/strict";
import { test } from "node:test";
import { meanings } from "../../src/arbiter/signals.ts";

test("a terminal's WINCH means something only while an upgrade is running", () => {
  const attached = meanings(true).SIGWINCH;
  assert.ok(attached?.type === "ignored");
  assert.deepEqual(attached.unlessUpgrading, { type: "pause" });
  assert.deepEqual(meanings(false).SIGWINCH, { type: "pause" });
});
