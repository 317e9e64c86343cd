import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { largestHead } from "../../../src/protocols/http1/rules.ts";
import { defaults } from "../../contract/rig.ts";

describe("node's own limit for a head", () => {
  it("has room for what the rules allow", () => {
    assert.equal(largestHead(defaults), 4094 + 100 * 8192 + 4);
  });

  it("is a megabyte at the most, and not so small that node refuses first", () => {
    assert.equal(largestHead({ ...defaults, limitRequestFields: 0 }), 1 << 20);
    assert.equal(largestHead({ ...defaults, limitRequestFields: 10_000 }), 1 << 20);
    assert.equal(largestHead({ ...defaults, limitRequestFieldSize: 10 }), 1 << 16);
  });
});
