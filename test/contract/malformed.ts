// Requests that no application may see, and the status each is refused with. Smuggling probes among them.

export interface Malformed {
  readonly name: string;
  readonly bytes: string;
  readonly status: number;
}

const head = (...lines: readonly string[]): string => `${lines.join("\r\n")}\r\n\r\n`;
const host = "Host: a";

const bad = (name: string, bytes: string, status = 400): Malformed => ({ name, bytes, status });

export const malformed: readonly Malformed[] = [
  bad("two Host headers", head("GET / HTTP/1.1", host, "Host: b")),
  bad("two equal Host headers", head("GET / HTTP/1.1", host, "hOST: a")),
  bad("no Host header", head("GET / HTTP/1.1")),
  bad(
    "a coding before chunked",
    `${head("POST / HTTP/1.1", host, "Transfer-Encoding: gzip, chunked")}0\r\n\r\n`,
  ),
  bad(
    "chunked twice",
    `${head("POST / HTTP/1.1", host, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked")}0\r\n\r\n`,
  ),
  bad("chunked, chunked", `${head("POST / HTTP/1.1", host, "Transfer-Encoding: chunked, chunked")}0\r\n\r\n`),
  bad("chunked, identity", head("POST / HTTP/1.1", host, "Transfer-Encoding: chunked, identity")),
  bad("xchunked", head("POST / HTTP/1.1", host, "Transfer-Encoding: xchunked")),
  bad(
    "HTTP/1.0 with Transfer-Encoding",
    `${head("POST / HTTP/1.0", host, "Transfer-Encoding: chunked")}0\r\n\r\n`,
  ),
  bad(
    "both framings",
    `${head("POST / HTTP/1.1", host, "Content-Length: 5", "Transfer-Encoding: chunked")}0\r\n\r\n`,
  ),
  bad("two Content-Lengths", `${head("POST / HTTP/1.1", host, "Content-Length: 1", "Content-Length: 1")}x`),
  bad("a signed Content-Length", head("POST / HTTP/1.1", host, "Content-Length: +5")),
  bad("space before the colon", head("GET / HTTP/1.1", "Host : a")),
  bad("bare line feeds", "GET / HTTP/1.1\nHost: a\n\n"),
  bad("a folded line", head("GET / HTTP/1.1", host, "X: 1", " 2")),
  bad("a bare carriage return", head("GET / HTTP/1.1", host, "X: 1\r2")),
  bad("NUL in a value", head("GET / HTTP/1.1", host, "X: 1\0")),
  bad("HTTP/1.2", head("GET / HTTP/1.2", host)),
  bad("HTTP/2.0 in a request line", head("GET / HTTP/2.0"), 505),
  bad("HTTP/0.9 without a version", head("GET /")),
  bad("HTTP/0.9 with a body", `${head("POST / HTTP/0.9", host, "Transfer-Encoding: chunked")}0\r\n\r\n`),
  bad("ICE", head("SOURCE /x ICE/1.0", host)),
  bad("RTSP", head("DESCRIBE /x RTSP/1.0", host)),
  bad("an asterisk for GET", head("GET * HTTP/1.1", host)),
  bad("an asterisk and more", head("OPTIONS *x HTTP/1.1", host)),
  bad("a Host header with a space", head("GET / HTTP/1.1", "Host: a b")),
  bad("a Host header with a path", head("GET / HTTP/1.1", "Host: a/b")),
  bad("a Host header with a user", head("GET / HTTP/1.1", "Host: a@b")),
  bad("a Host header with a port that is none", head("GET / HTTP/1.1", "Host: a:b")),
  bad("an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  bad("a method in lower case", head("get / HTTP/1.1", host)),
  bad("an unknown method", head("FROBNICATE / HTTP/1.1", host)),
  bad(
    "contradictory schemes",
    head("GET / HTTP/1.1", host, "X-Forwarded-Proto: https", "X-Forwarded-Ssl: off"),
  ),
  bad("a long request line", head(`GET /${"x".repeat(4094)} HTTP/1.1`, host), 414),
  bad("a large field", head("GET / HTTP/1.1", host, `X: ${"x".repeat(8190)}`), 431),
  bad("many fields", head("GET / HTTP/1.1", host, ...Array.from({ length: 100 }, (_, i) => `X${i}: 1`)), 431),
  bad(
    "fields that vanish yet frame the body",
    `${head("POST / HTTP/1.1", host, ...Array.from({ length: 1_100 }, () => "X: 1"), "Content-Length: 5")}hello`,
    431,
  ),
  bad("CONNECT", head("CONNECT a:443 HTTP/1.1", "Host: a:443"), 405),
];
