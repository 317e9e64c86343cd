// Reads what TLS is served with, and says all that is wrong with it. In the arbiter, since workers may have given up the
// right to read private keys.

import { createPrivateKey, type KeyObject, randomBytes, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createSecureContext } from "node:tls";
import type { Config } from "../config/config.ts";
import type { CertifiedKey, TlsMaterial } from "../config/tls-material.ts";

export type TlsConfig = Pick<
  Config,
  "chdir" | "certfile" | "keyfile" | "caCerts" | "ciphers" | "tlsMinVersion" | "certReqs"
>;
type TlsSetting = "certfile" | "keyfile" | "caCerts" | "ciphers";

export interface TlsFinding {
  readonly severity: "error" | "warning";
  readonly setting: TlsSetting;
  readonly what: string;
}

export interface TlsReading {
  readonly material: TlsMaterial;
  readonly findings: readonly TlsFinding[];
}

/** Of a server's life between two reloads; node wants 48 bytes. */
const TICKET_KEYS = 48;

/** Reads all files. What can't be used is missing from the material, and named among the findings. */
export function readTls(config: TlsConfig, now: Date = new Date()): TlsReading {
  const findings: TlsFinding[] = [];
  const report =
    (severity: TlsFinding["severity"], setting: TlsSetting) =>
    (what: string): undefined =>
      void findings.push({ severity, setting, what });
  const read = (setting: TlsSetting, path: string): string | undefined => {
    try {
      return readFileSync(resolve(config.chdir, path), "utf8");
    } catch (error) {
      return report("error", setting)(`can't read ${path}: ${messageOf(error)}`);
    }
  };

  const certificates = config.certfile.flatMap((path, index): CertifiedKey[] => {
    const cert = read("certfile", path);
    const keyPath = config.keyfile[index];
    const keyText = keyPath === undefined ? cert : read("keyfile", keyPath);
    const wrongCert = report("error", "certfile");
    const leaf = cert === undefined ? undefined : certificateIn(cert, path, wrongCert);
    if (leaf !== undefined) warnOfDates(leaf, path, now, report("warning", "certfile"));
    const wrongKey = report("error", keyPath === undefined ? "certfile" : "keyfile");
    const key = keyText === undefined ? undefined : privateKeyIn(keyText, keyPath ?? path, wrongKey);
    if (cert === undefined || leaf === undefined || keyText === undefined || key === undefined) return [];
    if (!leaf.checkPrivateKey(key)) {
      wrongKey(`${keyPath ?? path} does not hold the key of the certificate in ${path}`);
      return [];
    }
    const flaw = flawOf({ cert, key: keyText });
    if (flaw !== undefined) {
      wrongCert(`${path} can't be used: ${flaw}`);
      return [];
    }
    return [{ cert, key: keyText, names: namesOf(leaf) }];
  });

  const caPath = config.caCerts;
  const ca = caPath === null ? undefined : read("caCerts", caPath);
  if (caPath !== null && ca !== undefined) checkAuthorities(ca, caPath, report("error", "caCerts"));
  const flaw = config.ciphers === null ? undefined : flawOf({ ciphers: config.ciphers });
  if (flaw !== undefined)
    report("error", "ciphers")(`OpenSSL takes none of ${JSON.stringify(config.ciphers)}`);
  const ticketKeys = randomBytes(TICKET_KEYS).toString("base64");
  return { material: { certificates, ca: ca ?? null, ticketKeys }, findings };
}

type Wrong = (what: string) => undefined;

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/g;

function certificateIn(pem: string, path: string, wrong: Wrong): X509Certificate | undefined {
  if (!new RegExp(CERTIFICATE).test(pem)) return wrong(`${path} holds no certificate in PEM`);
  try {
    // The first of a chain is the server's own.
    return new X509Certificate(pem.slice(pem.search(CERTIFICATE)));
  } catch (error) {
    return wrong(`${path} holds a broken certificate: ${messageOf(error)}`);
  }
}

function privateKeyIn(pem: string, path: string, wrong: Wrong): KeyObject | undefined {
  const from = pem.search(/-----BEGIN [A-Z ]*PRIVATE KEY-----/);
  if (from < 0) return wrong(`${path} holds no private key in PEM`);
  const key = pem.slice(from);
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(key)) {
    return wrong(
      `the key in ${path} is encrypted, and nobody is there to be asked for its passphrase: decrypt it`,
    );
  }
  try {
    return createPrivateKey(key);
  } catch (error) {
    return wrong(`${path} holds a broken private key: ${messageOf(error)}`);
  }
}

function checkAuthorities(pem: string, path: string, wrong: Wrong): void {
  const starts = [...pem.matchAll(CERTIFICATE)];
  if (starts.length === 0) return wrong(`${path} holds no certificate in PEM`);
  const broken = starts.some(({ index }) => {
    try {
      return new X509Certificate(pem.slice(index)).raw.length === 0;
    } catch {
      return true;
    }
  });
  if (broken) wrong(`${path} holds a broken certificate`);
}

function warnOfDates(leaf: X509Certificate, path: string, now: Date, warn: Wrong): void {
  if (new Date(leaf.validTo) < now) warn(`the certificate in ${path} expired on ${leaf.validTo}`);
  else if (new Date(leaf.validFrom) > now)
    warn(`the certificate in ${path} is not valid before ${leaf.validFrom}`);
}

/** The names a client may ask for: RFC 6125 section 6.4; the common name only where there are no others. */
function namesOf(leaf: X509Certificate): readonly string[] {
  const alternatives = [...(leaf.subjectAltName ?? "").matchAll(/DNS:([^,\s"]+)/g)].map(
    ([, name = ""]) => name,
  );
  const common = /^CN=(.+)$/m.exec(leaf.subject)?.[1];
  const names = alternatives.length > 0 || common === undefined ? alternatives : [common];
  return names.map((name) => name.toLowerCase());
}

/** What OpenSSL has against it: a key that is too short, a cipher that it does not know. */
function flawOf(options: Parameters<typeof createSecureContext>[0]): string | undefined {
  try {
    createSecureContext(options);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // `error:0A00018E:SSL routines::ca md too weak`, `ENOENT: no such file or directory, open '/x'`
  return text.replace(/^error:[\dA-F]+:/, "").replace(/, (open '.*'|read)$/, "");
}
