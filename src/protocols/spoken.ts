// What the first bytes of a connection look like, so that the log can say who speaks the wrong protocol to whom.

const HTTP = /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) /;
const FRONT_OF_HTTP2 = "PRI * HTTP/2.0";
/** Variables that come first in a block, as nginx, Apache and uWSGI's router send them. */
const FIRST_VARIABLE = /^[A-Z][A-Z\d_]{2,40}$/;
/** Enough to tell all of them apart. */
const ENOUGH = 64;

/** The name of the protocol that `bytes` begin, where it is one that might come to the wrong address. */
export function spokenIn(bytes: Buffer): string | undefined {
  const text = bytes.toString("latin1", 0, ENOUGH);
  if (HTTP.test(text)) return "HTTP";
  if (text.startsWith(FRONT_OF_HTTP2)) return "HTTP/2";
  if (text.startsWith("PROXY ") || text.startsWith("\r\n\r\n\0\r\nQUIT\n")) return "PROXY protocol";
  // A handshake record of SSL 3 to TLS 1.3.
  if (bytes[0] === 0x16 && bytes[1] === 3) return "TLS";
  if (/^\d{1,7}:[A-Z]/.test(text)) return "SCGI";
  if (isFastcgi(bytes)) return "FastCGI";
  if (isUwsgi(bytes, text)) return "uwsgi";
  return undefined;
}

/** Version 1, and BEGIN_REQUEST of 8 bytes or GET_VALUES. */
function isFastcgi(bytes: Buffer): boolean {
  if (bytes.length < 8 || bytes[0] !== 1) return false;
  return (bytes[1] === 1 && bytes[4] === 0 && bytes[5] === 8) || bytes[1] === 9;
}

/** A block of variables, the first of them after the length of its name. */
function isUwsgi(bytes: Buffer, text: string): boolean {
  if (bytes.length < 6) return false;
  const length = bytes.readUInt16LE(4);
  return bytes.readUInt16LE(1) > length && FIRST_VARIABLE.test(text.slice(6, 6 + length));
}
