import assert from "node:assert/strict";
import { Socket } from "node:net";
import { describe, it } from "node:test";
import { tell } from "../../../src/protocols/proxy/told.ts";
import { findClient, parseForwarded, parseNode } from "../../../src/protocols/trust/forwarded.ts";
import { compileTrust, type TrustSettings } from "../../../src/protocols/trust/trust.ts";
import { defaults } from "../../contract/rig.ts";

const PEER = { address: "127.0.0.1", port: 50_000 };
const proxies = { forwardedAllowIps: ["127.0.0.1", "10.0.0.0/8", "2001:db8:ffff::/48"] };

function asked(headers: Readonly<Record<string, string>>, settings: Partial<TrustSettings> = proxies) {
  const warnings: string[] = [];
  const trust = compileTrust({ ...defaults, ...settings }, { warning: (text) => void warnings.push(text) });
  const connection = {
    peer: PEER,
    trusted: trust.trusts(PEER.address),
    encrypted: false,
    socket: new Socket(),
  };
  const raw = Object.entries(headers).flat();
  const { address, port } = trust.client(connection, raw);
  return {
    client: port === undefined ? address : `${address} ${port}`,
    scheme: trust.scheme(connection, raw),
    scriptName: trust.scriptName(connection, raw),
    warnings,
    trust,
    connection,
  };
}

describe("the client", () => {
  const own = "127.0.0.1 50000";
  const cases: readonly [what: string, headers: Record<string, string>, client: string][] = [
    ["nothing said", { Host: "a" }, own],
    ["one address", { "X-Forwarded-For": "192.0.2.1" }, "192.0.2.1"],
    ["one that it made up before that", { "X-Forwarded-For": "9.9.9.9, 192.0.2.1" }, "192.0.2.1"],
    ["proxies of ours behind it", { "x-forwarded-for": "9.9.9.9,192.0.2.1, 10.1.2.3,10.0.0.1" }, "192.0.2.1"],
    ["only proxies of ours", { "X-Forwarded-For": "10.0.0.9, 10.0.0.1" }, "10.0.0.9"],
    ["a port", { "X-Forwarded-For": "192.0.2.1:4711" }, "192.0.2.1 4711"],
    ["IPv6", { "X-Forwarded-For": "2001:db8::1" }, "2001:db8::1"],
    ["IPv6 with a port", { "X-Forwarded-For": "[2001:db8::1]:4711" }, "2001:db8::1 4711"],
    ["an empty field", { "X-Forwarded-For": " " }, own],
    ["two fields", { "X-Forwarded-For": "9.9.9.9", "X-FORWARDED-FOR": "192.0.2.1" }, "192.0.2.1"],
    ["Forwarded", { Forwarded: "for=192.0.2.1;proto=https" }, "192.0.2.1"],
    [
      "Forwarded with quotes, other pairs and a proxy of ours",
      { Forwarded: 'For="[2001:db8::1]:80";by=_x;host="a,b;c\\"", for="[2001:db8:ffff::7]"' },
      "2001:db8::1 80",
    ],
    ["Forwarded with empty elements and pairs", { Forwarded: " , for=192.0.2.1 ; ;," }, "192.0.2.1"],
    ["Forwarded that hides", { Forwarded: "for=192.0.2.1, for=unknown" }, own],
    ["Forwarded that hides beyond a proxy of ours", { Forwarded: "for=_a1, for=10.0.0.1" }, "10.0.0.1"],
    [
      "Forwarded beside X-Forwarded-For",
      { Forwarded: "for=9.9.9.9", "X-Forwarded-For": "192.0.2.1" },
      "192.0.2.1",
    ],
    ["Forwarded beside X-Forwarded-Proto", { Forwarded: "for=9.9.9.9", "X-Forwarded-Proto": "http" }, own],
  ];
  for (const [what, headers, client] of cases) {
    it(`with ${what}`, () => {
      const found = asked(headers);
      assert.equal(found.client, client);
      assert.deepEqual(found.warnings, []);
    });
  }

  const malformed: readonly Record<string, string>[] = [
    { "X-Forwarded-For": "nonsense" },
    { "X-Forwarded-For": "192.0.2.1, 192.0.2.300" },
    { "X-Forwarded-For": "192.0.2.1:99999" },
    { "X-Forwarded-For": "[192.0.2.1]" },
    { Forwarded: "for=192.0.2.1;for=192.0.2.2" },
    { Forwarded: 'for="192.0.2.1' },
    { Forwarded: "for" },
    { Forwarded: "for=192.0.2.1 proto=http" },
    { Forwarded: "for=192.0.2.1;proto=gopher" },
  ];
  for (const headers of malformed) {
    it(`is the peer, and told once, for ${JSON.stringify(headers)}`, () => {
      const { client, warnings, trust, connection } = asked(headers);
      assert.equal(client, own);
      trust.client(connection, Object.entries(headers).flat());
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? "", /^Ignored from ip=127\.0\.0\.1: .*Forwarded/);
    });
  }

  it("is the peer where nobody believes what it says", () => {
    const settings = { forwardedAllowIps: ["10.0.0.0/8"] };
    for (const headers of [{ "X-Forwarded-For": "192.0.2.1" }, { Forwarded: "for=192.0.2.1;proto=https" }]) {
      const { client, scheme, warnings } = asked(headers, settings);
      assert.deepEqual([client, scheme, warnings], [own, "http", []]);
    }
  });

  it("is the first where everyone is believed", () => {
    assert.equal(
      asked({ "X-Forwarded-For": "9.9.9.9, 192.0.2.1" }, { forwardedAllowIps: ["*"] }).client,
      "9.9.9.9",
    );
  });
});

describe("the scheme", () => {
  it("is what a trusted peer says, in any case of the name", () => {
    assert.equal(asked({ "x-forwarded-proto": "https" }).scheme, "https");
    assert.equal(asked({ "X-FORWARDED-SSL": "on" }).scheme, "https");
    assert.equal(asked({ "X-Forwarded-Proto": "http" }).scheme, "http");
    assert.equal(asked({ Host: "a" }).scheme, "http");
    assert.equal(asked({ Forwarded: "for=192.0.2.1;proto=HTTPS" }).scheme, "https");
  });

  it("is not what the client made up before the word of the proxy", () => {
    assert.equal(asked({ Forwarded: "for=9.9.9.9;proto=https, for=192.0.2.1;proto=http" }).scheme, "http");
    assert.equal(asked({ Forwarded: "proto=https", "X-Forwarded-For": "192.0.2.1" }).scheme, "http");
  });

  it("is https where a PROXY header says that the client came over TLS", () => {
    const { trust, connection } = asked({});
    tell(connection.socket, { address: "192.0.2.1", port: 1, family: "IPv4", encrypted: true });
    assert.equal(trust.scheme(connection, []), "https");
    assert.equal(trust.scheme(connection, ["X-Forwarded-Proto", "http"]), "http");
  });
});

describe("where the application is mounted", () => {
  it("is rootPath, or what a trusted peer says that may", () => {
    const mounted = { ...proxies, rootPath: "/shop/" };
    assert.equal(asked({}).scriptName, "");
    assert.equal(asked({}, mounted).scriptName, "/shop");
    assert.equal(asked({ SCRIPT_NAME: "/caf%C3%A9/" }, mounted).scriptName, "/café");
    assert.equal(asked({ script_name: "/b" }, { ...mounted, forwarderHeaders: ["*"] }).scriptName, "/b");
    assert.equal(asked({ SCRIPT_NAME: "/b" }, { ...mounted, forwarderHeaders: [] }).scriptName, "/shop");
    assert.equal(asked({ SCRIPT_NAME: "/b" }, { ...mounted, forwardedAllowIps: [] }).scriptName, "/shop");
    assert.equal(asked({ "Script-Name": "/b" }, mounted).scriptName, "/shop");
  });
});

it("nodes", () => {
  for (const text of [
    "",
    "a",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.4:",
    ":80",
    "[::1",
    "[::1]x",
    "::1]:80",
    "1.2.3.4:-1",
    "fe80::1%eth0",
    "[fe80::1%eth0]:80",
  ])
    assert.equal(parseNode(text), undefined, text);
});

it("no text makes Forwarded's parser slow or fail", () => {
  for (const text of ['for="'.repeat(1_600), "for=a;".repeat(1_300), ",".repeat(8_000), '="'.repeat(4_000)]) {
    const before = performance.now();
    const hops = parseForwarded(text);
    findClient(hops ?? [], () => true);
    assert.ok(performance.now() - before < 500, text.slice(0, 10));
  }
});
