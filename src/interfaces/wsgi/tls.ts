// What TLS adds to the environ, by the names that Apache's mod_ssl has:
// https://httpd.apache.org/docs/2.4/mod/mod_ssl.html#envvars

import type { TLSSocket } from "node:tls";
import { distinguishedName, refusalOf } from "../certificate.ts";

type Variables = Readonly<Record<string, string>>;

/** Worked out once per connection. */
const known = new WeakMap<TLSSocket, Variables>();

export function tlsVariables(tls: TLSSocket): Variables {
  let variables = known.get(tls);
  if (variables === undefined) {
    variables = {
      HTTPS: "on",
      SSL_PROTOCOL: tls.getProtocol() ?? "",
      SSL_CIPHER: tls.getCipher().name,
      ...client(tls),
    };
    known.set(tls, variables);
  }
  return variables;
}

function client(tls: TLSSocket): Variables {
  const certificate = tls.getPeerX509Certificate();
  if (certificate === undefined) return { SSL_CLIENT_VERIFY: "NONE" };
  const refused = refusalOf(tls);
  return {
    SSL_CLIENT_VERIFY: refused === null ? "SUCCESS" : `FAILED:${refused}`,
    SSL_CLIENT_S_DN: distinguishedName(certificate.subject),
    SSL_CLIENT_S_DN_CN: /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? "",
    SSL_CLIENT_I_DN: distinguishedName(certificate.issuer),
    SSL_CLIENT_M_SERIAL: certificate.serialNumber,
    SSL_CLIENT_V_START: certificate.validFrom,
    SSL_CLIENT_V_END: certificate.validTo,
    SSL_CLIENT_CERT: certificate.toString(),
  };
}
