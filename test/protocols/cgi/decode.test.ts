import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createGatherer } from "../../../src/protocols/cgi/gather.ts";
import { WireError } from "../../../src/protocols/cgi/refusal.ts";
import { decodeParams, encodeParams } from "../../../src/protocols/fastcgi/params.ts";
import { decodeScgi, measureScgi } from "../../../src/protocols/scgi/decode.ts";
import { spokenIn } from "../../../src/protocols/spoken.ts";
import { decodeUwsgi, measureUwsgi } from "../../../src/protocols/uwsgi/decode.ts";
import { fastcgiHead, fastcgiPairs, scgiHead, uwsgiHead } from "../../contract/cgi.ts";

const PAIRS = ["REQUEST_METHOD", "GET", "EMPTY", "", "LONG", "x".repeat(300), "BYTES", "caf\u00c3\u00a9"];
const bytes = (pairs: readonly string[]): string[] =>
  pairs.map((text) => Buffer.from(text).toString("latin1"));

const WIRES = [
  { name: "uwsgi", measure: measureUwsgi, decode: decodeUwsgi, head: (pairs: string[]) => uwsgiHead(pairs) },
  { name: "SCGI", measure: measureScgi(65_536), decode: decodeScgi, head: scgiHead },
] as const;

for (const { name, measure, decode, head } of WIRES) {
  describe(`the head of ${name}`, () => {
    const whole = head(PAIRS);

    it("is read however it is cut in two", () => {
      for (let at = 1; at < whole.length; at++) {
        const gather = createGatherer(measure);
        assert.equal(gather(whole.subarray(0, at)), undefined);
        const gathered = gather(Buffer.concat([whole.subarray(at), Buffer.from("body")]));
        assert.ok(gathered);
        assert.equal(String(gathered.rest), "body");
        assert.deepEqual(decode(gathered.head), bytes(PAIRS));
      }
    });

    it("is read byte by byte", () => {
      const gather = createGatherer(measure);
      const found = [...whole].map((byte) => gather(Buffer.from([byte])));
      assert.equal(
        found.findIndex((one) => one !== undefined),
        whole.length - 1,
      );
    });

    it("is refused where it is garbage, and never anything else", () => {
      let state = 12_345;
      const random = (below: number): number => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        return state % below;
      };
      let refused = 0;
      for (let i = 0; i < 3_000; i++) {
        const broken = Buffer.from(whole);
        for (let n = 0; n <= random(4); n++) broken[random(broken.length)] = random(256);
        try {
          const gathered = createGatherer(measure)(broken);
          if (gathered !== undefined) decode(gathered.head);
        } catch (error) {
          assert.ok(error instanceof WireError, String(error));
          refused++;
        }
      }
      assert.ok(refused > 50, `${refused} refused`);
    });
  });
}

describe("SCGI's netstring", () => {
  it("may be as long as the limits allow and no longer", () => {
    assert.equal(measureScgi(100)(Buffer.from("100:")), 105);
    assert.throws(() => measureScgi(100)(Buffer.from("101:")), { message: /too large/ });
    assert.throws(() => measureScgi(100)(Buffer.from("1000000000:")), WireError);
  });
});

describe("FastCGI's parameters", () => {
  it("are read, with lengths of one byte and of four", () => {
    assert.deepEqual(decodeParams(fastcgiPairs(PAIRS)), bytes(PAIRS));
    assert.deepEqual(decodeParams(encodeParams(bytes(PAIRS))), bytes(PAIRS));
  });

  it("are refused where they end too early", () => {
    const whole = fastcgiPairs(["NAME", "x".repeat(200)]);
    for (let at = 1; at < whole.length; at++) {
      assert.throws(() => decodeParams(whole.subarray(0, at)), WireError, `at ${at}`);
    }
  });
});

describe("what is spoken", () => {
  const cases: readonly (readonly [string, Buffer])[] = [
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\n")],
    ["HTTP/2", Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")],
    ["PROXY protocol", Buffer.from("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")],
    ["TLS", Buffer.from([0x16, 3, 1, 2, 0, 1])],
    ["SCGI", scgiHead(PAIRS)],
    ["FastCGI", fastcgiHead(1, PAIRS)],
    ["uwsgi", uwsgiHead(PAIRS)],
  ];
  for (const [name, first] of cases) {
    it(`is told for ${name}, at every address but its own`, () => {
      assert.equal(spokenIn(first), name);
      if (name !== "uwsgi") {
        assert.throws(() => measureUwsgi(first), {
          message: new RegExp(`${name} on a uwsgi address|modifier1`),
        });
      }
      if (name !== "SCGI") {
        assert.throws(() => measureScgi(65_536)(first), { message: `${name} on an SCGI address` });
      }
    });
  }
});
