// The user name of Basic authentication. RFC 7617

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** As the client sent it, unescaped; undefined where the header is of another kind, malformed, or names nobody. */
export function basicUser(authorization: string | undefined): string | undefined {
  if (authorization === undefined || !/^basic /i.test(authorization)) return undefined;
  const encoded = authorization.slice(6).trim();
  if (!BASE64.test(encoded) || encoded.length % 4 !== 0) return undefined;
  try {
    return utf8.decode(Buffer.from(encoded, "base64")).split(":", 1)[0] || undefined;
  } catch {
    return undefined;
  }
}
