import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileRules, largestHead } from "../../../src/protocols/http1/rules.ts";
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

describe("a Host header", () => {
  const { check } = compileRules(defaults);
  const head = { httpVersionMajor: 1, httpVersionMinor: 1 };
  const refused = (host: string): boolean =>
    check({ ...head, method: "GET", url: "/", rawHeaders: ["Host", host] }, { trusted: false }) !== undefined;

  for (const host of [
    ...["", "a", "a:80", "a:", "my_app.example.org", "xn--bcher-kva.example", "127.0.0.1:8000", "a.example."],
    ...["[::1]", "[::1]:8000", "[fe80::1%25eth0]:80", "%61", "*.example.org"],
  ]) {
    it(`may be ${JSON.stringify(host)}`, () => assert.equal(refused(host), false));
  }
  for (const host of [
    "a b",
    "a/",
    "a@b",
    "a:x",
    "a:80:80",
    "::1",
    "[::1",
    "[]",
    "b\u00fccher",
    'a"',
    "a\\b",
    "<a>",
    "a?b",
  ]) {
    it(`must not be ${JSON.stringify(host)}`, () => assert.equal(refused(host), true));
  }

  for (const [url, wanted, host = "a"] of [
    ["http://a/x", undefined],
    ["HTTP://A", undefined],
    ["http://a:80/", undefined],
    ["https://a", undefined, "a:443"],
    ["http://a:/", undefined],
    ["http://b/x", 400],
    ["https://a:81/", 400],
    ["https://a:80/", 400],
    ["http://a/", 400, "a:443"],
    ["http://user@a/", 400],
    ["/http://b/", undefined],
  ] as const) {
    it(`must be that of the target ${url}: ${host}`, () => {
      const asked = { ...head, method: "GET", url, rawHeaders: ["Host", host] };
      assert.equal(check(asked, { trusted: true })?.status, wanted);
    });
  }

  it("is asked with OPTIONS for the whole server", () => {
    const asked = { ...head, method: "OPTIONS", url: "*", rawHeaders: ["Host", "a"] };
    assert.equal(check(asked, { trusted: false }), undefined);
  });
});
