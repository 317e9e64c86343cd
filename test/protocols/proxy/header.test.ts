import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Parsed, type ProxyVersions, parseProxyHeader } from "../../../src/protocols/proxy/header.ts";
import { tlv, v1, v2, v2Of } from "./headers.ts";

const parse = (text: string, versions: ProxyVersions = "auto"): Parsed =>
  parseProxyHeader(Buffer.from(text, "latin1"), versions);
const client = (address: string, port: number, encrypted = false) => ({
  address,
  port,
  family: address.includes(":") ? ("IPv6" as const) : ("IPv4" as const),
  encrypted,
});
const six = [0x20, 1, 0xd, 0xb8, ...Array.from({ length: 11 }, () => 0), 1];

describe("a PROXY header", () => {
  const good: readonly [what: string, text: string, client: ReturnType<typeof client> | undefined][] = [
    ["version 1", v1("192.0.2.1", 4711), client("192.0.2.1", 4711)],
    ["version 1, IPv6", v1("2001:db8::1", 1), client("2001:db8::1", 1)],
    ["version 1, unknown", "PROXY UNKNOWN\r\n", undefined],
    ["version 1, unknown with more", "PROXY UNKNOWN ffff::1 ::2 1 2\r\n", undefined],
    ["version 2", v2Of("192.0.2.1", 4711), client("192.0.2.1", 4711)],
    ["version 2, IPv6", v2(0x21, 0x21, [...six, ...six, 1, 2, 0, 80]), client("2001:db8::1", 258)],
    ["version 2, local", v2(0x20, 0x00, []), undefined],
    [
      "version 2, local with addresses",
      v2(
        0x20,
        0x11,
        Array.from({ length: 12 }, () => 7),
      ),
      undefined,
    ],
    ["version 2, unspecified", v2(0x21, 0x00, [1, 2, 3]), undefined],
    [
      "version 2, unix",
      v2(
        0x21,
        0x31,
        Array.from({ length: 216 }, () => 65),
      ),
      undefined,
    ],
    [
      "version 2 with additions",
      v2Of("192.0.2.1", 1, [...tlv(0x02, [97, 98]), ...tlv(0x04, []), 9]),
      client("192.0.2.1", 1),
    ],
    [
      "version 2 over TLS",
      v2Of("192.0.2.1", 1, [...tlv(0x03, [1, 2, 3, 4]), ...tlv(0x20, [1, 0, 0, 0, 0])]),
      client("192.0.2.1", 1, true),
    ],
    ["version 2 without TLS", v2Of("192.0.2.1", 1, tlv(0x20, [0, 0, 0, 0, 0])), client("192.0.2.1", 1)],
  ];
  for (const [what, text, expected] of good) {
    it(`of ${what}, cut anywhere`, () => {
      assert.deepEqual(parse(`${text}GET /`), { kind: "header", length: text.length, client: expected });
      for (let i = 0; i < text.length; i++) assert.equal(parse(text.slice(0, i)).kind, "more", `${i}`);
    });
  }

  const bad = [
    "PROXY TCP4 192.0.2.1 127.0.0.1 1\r\n",
    "PROXY TCP4 192.0.2.300 127.0.0.1 1 2\r\n",
    "PROXY TCP4 ::1 ::1 1 2\r\n",
    "PROXY TCP6 192.0.2.1 ::1 1 2\r\n",
    "PROXY TCP4 192.0.2.1 127.0.0.1 65536 2\r\n",
    "PROXY TCP4  192.0.2.1 127.0.0.1 1 2\r\n",
    "PROXY TCP4 192.0.2.1 127.0.0.1 1 2 \r\n",
    "PROXY UDP4 192.0.2.1 127.0.0.1 1 2\r\n",
    "PROXY UNKNOWNS\r\n",
    "PROXY \r\n",
    `PROXY UNKNOWN ${"x".repeat(92)}\r\n`,
    `PROXY ${"x".repeat(101)}`,
    v2(0x11, 0x11, []),
    v2(0x22, 0x11, []),
    v2(
      0x21,
      0x12,
      Array.from({ length: 12 }, () => 1),
    ),
    v2(0x21, 0x41, []),
    v2(
      0x21,
      0x11,
      Array.from({ length: 11 }, () => 1),
    ),
    v2(
      0x21,
      0x21,
      Array.from({ length: 35 }, () => 1),
    ),
    v2Of(
      "192.0.2.1",
      1,
      Array.from({ length: 4_100 }, () => 4),
    ),
  ];
  for (const text of bad) {
    it(`is malformed: ${JSON.stringify(text.slice(0, 50))}`, () => {
      assert.equal(parse(text).kind, "malformed");
    });
  }

  it("may be as long as 107 bytes", () => {
    const text = `PROXY UNKNOWN ${"x".repeat(91)}\r\n`;
    assert.equal(text.length, 107);
    assert.equal(parse(text).kind, "header");
  });

  it("is none where something else comes", () => {
    for (const text of ["GET / HTTP/1.1\r\n", "POST /", "PROXX", "\r\n\r\n\0\r\nQUIX", "\x16\x03\x01"])
      assert.equal(parse(text).kind, "none", text);
  });

  it("is refused where it is of a version that is not asked for, and says which is", () => {
    assert.deepEqual(parse(v1("192.0.2.1", 1), "v2"), {
      kind: "malformed",
      reason: "it is v1, and proxyProtocol is v2",
    });
    assert.deepEqual(parse(v2Of("192.0.2.1", 1), "v1"), {
      kind: "malformed",
      reason: "it is v2, and proxyProtocol is v1",
    });
    assert.equal(parse("GET / HTTP/1.1\r\n", "v1").kind, "none");
    assert.equal(parse("GET / HTTP/1.1\r\n", "v2").kind, "none");
    assert.equal(parse(v1("192.0.2.1", 1), "v1").kind, "header");
    assert.equal(parse(v2Of("192.0.2.1", 1), "v2").kind, "header");
  });
});
