// Fields of a head as a flat list of names and values.

/** Those of HTTP/1's connections, which no other protocol carries: RFC 9113 section 8.2.2. Node throws on each of them. */
const CONNECTION_FIELDS = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** Their lengths tell nearly always that a name is none of them. */
const LENGTHS = new Set([...CONNECTION_FIELDS].map((name) => name.length));

export function withoutConnectionFields(headers: readonly string[]): readonly string[] {
  const isExtra = (name: string | undefined): boolean =>
    name !== undefined && LENGTHS.has(name.length) && CONNECTION_FIELDS.has(name.toLowerCase());
  let found = false;
  for (let i = 0; i < headers.length && !found; i += 2) found = isExtra(headers[i]);
  if (!found) return headers;
  return headers.filter((_, i) => !isExtra(headers[i - (i % 2)]));
}

export const withoutLength = (headers: readonly string[]): readonly string[] =>
  headers.filter((_, i) => headers[i - (i % 2)]?.toLowerCase() !== "content-length");

/** A field's value by its lower-case name; several are joined as HTTP says (RFC 9110 section 5.3, RFC 9113 section 8.2.3). */
export function fieldOf(headers: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const key = headers[i] ?? "";
    if (key.length !== name.length || key.toLowerCase() !== name) continue;
    value = value === undefined ? headers[i + 1] : value + (name === "cookie" ? "; " : ", ") + headers[i + 1];
  }
  return value;
}
