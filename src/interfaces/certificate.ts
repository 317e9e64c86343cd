// What applications are told of a client's certificate.

import type { TLSSocket } from "node:tls";

/** As text: node has one part per line, the widest first; RFC 4514 the narrowest first. */
export const distinguishedName = (lines: string | undefined): string =>
  (lines ?? "").split("\n").reverse().join(",");

/** Why it is not accepted; null where it is. Such a client gets this far only by the sslContext hook's `rejectUnauthorized`. */
export const refusalOf = (tls: TLSSocket): string | null =>
  tls.authorized ? null : String(tls.authorizationError ?? "not verified");
