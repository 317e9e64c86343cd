// ASGI's tls extension: https://asgi.readthedocs.io/en/latest/specs/tls.html

import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import type { TlsExtension } from "../asgi.ts";
import { distinguishedName, refusalOf } from "../certificate.ts";

/** Worked out once per connection. */
const known = new WeakMap<TLSSocket, TlsExtension>();

export function tlsExtension(tls: TLSSocket): TlsExtension {
  let extension = known.get(tls);
  if (extension === undefined) {
    const client = tls.getPeerX509Certificate();
    extension = Object.freeze({
      server_cert: tls.getX509Certificate()?.toString() ?? null,
      client_cert_chain: Object.freeze(client === undefined ? [] : chainOf(tls.getPeerCertificate(true))),
      client_cert_name: client === undefined ? null : distinguishedName(client.subject),
      client_cert_error: client === undefined ? null : refusalOf(tls),
      tls_version: VERSIONS.get(tls.getProtocol() ?? "") ?? null,
      cipher_suite: SUITES.get(tls.getCipher().standardName) ?? null,
    });
    known.set(tls, extension);
  }
  return extension;
}

/** The client's own first. A root is its own issuer. */
function chainOf(first: DetailedPeerCertificate): string[] {
  const chain: string[] = [];
  const seen = new Set<string>();
  let one: DetailedPeerCertificate | undefined = first;
  while (one?.raw !== undefined && !seen.has(one.fingerprint256)) {
    seen.add(one.fingerprint256);
    chain.push(pem(one.raw));
    one = one.issuerCertificate;
  }
  return chain;
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

const VERSIONS = new Map([
  ["TLSv1", 0x0301],
  ["TLSv1.1", 0x0302],
  ["TLSv1.2", 0x0303],
  ["TLSv1.3", 0x0304],
]);

/** Node tells a suite's name only. These are the ones that today's clients get; https://www.iana.org/assignments/tls-parameters */
const SUITES = new Map([
  ["TLS_AES_128_GCM_SHA256", 0x1301],
  ["TLS_AES_256_GCM_SHA384", 0x1302],
  ["TLS_CHACHA20_POLY1305_SHA256", 0x1303],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xc02c],
  ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f],
  ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca8],
  ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca9],
]);
