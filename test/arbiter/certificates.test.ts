import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readTls } from "../../src/arbiter/certificates.ts";
import { FIXTURES, scratch } from "../process/server.ts";

const TLS = join(FIXTURES, "tls");
type TlsConfig = Parameters<typeof readTls>[0];
const config = (given: Partial<TlsConfig>): TlsConfig => ({
  chdir: TLS,
  certfile: [],
  keyfile: [],
  caCerts: null,
  ciphers: null,
  tlsMinVersion: "TLSv1.2",
  certReqs: "none",
  ...given,
});
const findings = (given: Partial<TlsConfig>, now?: Date): string[] =>
  readTls(config(given), now).findings.map(
    ({ severity, setting, what }) => `${severity} ${setting}: ${what}`,
  );

test("certificates, their keys and their names", () => {
  const reading = readTls(config({ certfile: ["a.pem", "b.pem"], keyfile: ["a.key.pem", "b.key.pem"] }));
  assert.deepEqual(reading.findings, []);
  const { certificates } = reading.material;
  assert.deepEqual(
    certificates.map(({ names }) => names),
    [
      ["a.test", "localhost"],
      ["b.test", "*.b.test"],
    ],
  );
  // As node wants them.
  assert.equal(Buffer.from(reading.material.ticketKeys, "base64").length, 48);
});

test("the key may stand in the certificate's file, and a certificate without other names is known by its common one", (t) => {
  const dir = scratch(t, {
    "both.pem":
      readFileSync(join(TLS, "stranger.key.pem"), "utf8") + readFileSync(join(TLS, "stranger.pem"), "utf8"),
  });
  const { material, findings } = readTls(config({ chdir: dir, certfile: ["both.pem"] }));
  assert.deepEqual(findings, []);
  assert.deepEqual(material.certificates[0]?.names, ["a stranger"]);
});

test("each thing that is wrong has its setting and its file", (t) => {
  const encrypted = generateKeyPairSync("ec", {
    namedCurve: "prime256v1",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" },
  }).privateKey;
  const dir = scratch(t, { "encrypted.pem": encrypted, text: "text" });
  writeFileSync(join(dir, "broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const a = join(TLS, "a.pem");
  const key = join(TLS, "a.key.pem");
  const at = (given: Partial<TlsConfig>): string[] => findings({ chdir: dir, ...given });
  assert.deepEqual(at({ certfile: ["none.pem"], keyfile: [key] }), [
    "error certfile: can't read none.pem: ENOENT: no such file or directory",
  ]);
  assert.deepEqual(at({ certfile: ["."], keyfile: [key] }), [
    "error certfile: can't read .: EISDIR: illegal operation on a directory",
  ]);
  assert.deepEqual(at({ certfile: ["text"], keyfile: ["text"] }), [
    "error certfile: text holds no certificate in PEM",
    "error keyfile: text holds no private key in PEM",
  ]);
  assert.match(
    at({ certfile: ["broken.pem"], keyfile: [key] }).join(),
    /certfile: broken\.pem holds a broken cert/,
  );
  assert.match(
    at({ certfile: [a], keyfile: ["encrypted.pem"] }).join(),
    /keyfile: the key in encrypted\.pem is encr/,
  );
  assert.match(
    at({ certfile: [a], keyfile: [join(TLS, "b.key.pem")] }).join(),
    /keyfile: .*b\.key\.pem does not hold the key of the certificate in .*a\.pem/,
  );
  assert.deepEqual(at({ caCerts: "text" }), ["error caCerts: text holds no certificate in PEM"]);
  assert.deepEqual(at({ caCerts: "broken.pem" }), ["error caCerts: broken.pem holds a broken certificate"]);
  assert.deepEqual(at({ ciphers: "NONE:SUCH" }), ['error ciphers: OpenSSL takes none of "NONE:SUCH"']);
});

test("a certificate out of its time is odd, but no reason to stop", () => {
  const given = { certfile: ["a.pem"], keyfile: ["a.key.pem"] };
  const [expired = ""] = findings(given, new Date("2300-01-01"));
  assert.match(expired, /^warning certfile: the certificate in a\.pem expired on /);
  const [early = ""] = findings(given, new Date("2000-01-01"));
  assert.match(early, /^warning certfile: the certificate in a\.pem is not valid before /);
});
