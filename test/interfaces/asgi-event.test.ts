import assert from "node:assert/strict";
import { test } from "node:test";
import { closeFrame, demandEvent } from "../../src/interfaces/asgi/event.ts";

test("what is no message is told as such", () => {
  for (const event of [null, undefined, {}, "x", { type: 1 }])
    assert.throws(() => demandEvent(event), /^TypeError: send\(\): expected a message with a type, got /);
  demandEvent({ type: "http.response.start" });
});

test("a close frame has a code that may be sent, and a reason that fits", () => {
  for (const code of [1000, 1001, 1003, 1007, 1012, 3000, 4999])
    assert.deepEqual(closeFrame(code, undefined), { code });
  for (const code of [999, 1004, 1005, 1006, 1015, 2000, 5000, 1000.5, "1000", null])
    assert.throws(() => closeFrame(code, ""), /^TypeError: websocket\.close: the code .* can't be sent/);
  assert.deepEqual(closeFrame(1000, "é".repeat(61)), { code: 1000, reason: "é".repeat(61) });
  assert.throws(() => closeFrame(1000, "é".repeat(62)), /the reason has 124 bytes, 123 are the most/);
  assert.throws(() => closeFrame(1000, 7), /the reason 7 is no text/);
});
