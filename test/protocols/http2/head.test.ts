import assert from "node:assert/strict";
import { test } from "node:test";
import { readFields } from "../../../src/protocols/http2/head.ts";

const pseudo = [":method", "GET", ":path", "/x", ":scheme", "https", ":authority", "a.test"];

test(":authority is the Host header, and cut up cookies are one again", () => {
  assert.deepEqual(readFields([...pseudo, "cookie", "a=1", "x-y", "1", "cookie", "b=2"]), {
    method: "GET",
    target: "/x",
    rawHeaders: ["host", "a.test", "cookie", "a=1; b=2", "x-y", "1"],
    refusal: undefined,
  });
});

test("a Host header must not differ from :authority", () => {
  assert.equal(readFields([...pseudo, "host", "A.test"]).refusal, undefined);
  assert.equal(readFields([...pseudo, "host", "b.test"]).refusal?.status, 400);
});
