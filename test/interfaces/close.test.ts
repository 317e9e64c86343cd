import assert from "node:assert/strict";
import { test } from "node:test";
import { closerOf } from "../../src/interfaces/close.ts";

test("close() is called upon the application, else shutdown()", () => {
  const app = {
    calls: 0,
    close() {
      return ++this.calls;
    },
    shutdown: () => assert.fail("both"),
  };
  assert.equal(closerOf(app)?.(), 1);
  assert.equal(app.calls, 1);
  assert.equal(closerOf({ shutdown: () => "down" })?.(), "down");
  assert.equal(closerOf(Object.assign(() => undefined, { close: () => "function" }))?.(), "function");
});

test("an application without either is left alone", () => {
  for (const app of [() => undefined, {}, { close: true }, null, undefined, "text"]) {
    assert.equal(closerOf(app), undefined);
  }
});
