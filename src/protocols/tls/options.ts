// The settings and certificates as node:tls wants them.

import { createSecureContext, type SecureContext, type TlsOptions } from "node:tls";
import type { Config } from "../../config/config.ts";
import type { TlsMaterial } from "../../config/tls-material.ts";
import type { TlsSource } from "./source.ts";

/** What ALPN calls them: https://www.iana.org/assignments/tls-extensiontype-values */
const ALPN: Readonly<Record<Config["httpProtocols"][number], readonly string[]>> = {
  h1: ["http/1.1", "http/1.0"],
  h2: ["h2"],
};

/** @throws what node:tls or the sslContext hook objects to. */
export async function tlsOptions(source: TlsSource, config: Config): Promise<TlsOptions> {
  const fromSettings = (): TlsOptions => settingsOptions(source.material, config);
  const given = (await source.sslContext?.(config, fromSettings)) ?? fromSettings();
  return {
    ...given,
    ALPNProtocols: config.httpProtocols.flatMap((name) => ALPN[name]),
    // The whole of a handshake is limited where connections wait for it.
    handshakeTimeout: 0,
  };
}

function settingsOptions({ certificates, ca, ticketKeys }: TlsMaterial, config: Config): TlsOptions {
  const common = {
    minVersion: config.tlsMinVersion,
    ...(ca === null ? {} : { ca }),
    ...(config.ciphers === null ? {} : { ciphers: config.ciphers }),
  };
  const [first] = certificates;
  return {
    ...common,
    ...(first === undefined ? {} : { cert: first.cert, key: first.key }),
    ...(certificates.length > 1 ? { SNICallback: chooser(certificates, common) } : {}),
    ticketKeys: Buffer.from(ticketKeys, "base64"),
    requestCert: config.certReqs !== "none",
    rejectUnauthorized: config.certReqs === "required",
  };
}

/** Chooses by the name that a client asks for. It must not throw: node would not catch it (CVE-2026-21637). */
function chooser(
  certificates: TlsMaterial["certificates"],
  common: TlsOptions,
): NonNullable<TlsOptions["SNICallback"]> {
  const byName = new Map<string, SecureContext>();
  for (const { cert, key, names } of certificates) {
    const context = createSecureContext({ ...common, cert, key });
    for (const name of names) if (!byName.has(name)) byName.set(name, context);
  }
  return (asked, answer) => {
    const name = asked.toLowerCase();
    // Without one, the first certificate's context is taken.
    answer(null, byName.get(name) ?? byName.get(name.replace(/^[^.]+/, "*")));
  };
}
