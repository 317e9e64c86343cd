// The trace that a request is part of, as its client tells. https://www.w3.org/TR/trace-context/#traceparent-header

export interface Trace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** The client's own span, 16 hexadecimal digits: `parent-id` in the standard. */
  readonly spanId: string;
}

const TRACEPARENT = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-[\da-f]{2}(-.*)?$/;

/** Reads the header `traceparent`; undefined where it is missing or malformed, as the standard asks. */
export function parseTraceparent(header: string | undefined): Trace | undefined {
  if (header === undefined || header.length < 55) return undefined;
  const match = TRACEPARENT.exec(header);
  if (match === null) return undefined;
  const [, version, traceId = "", spanId = "", more] = match;
  // A later version may add fields; this one has none.
  return version === "00" && more !== undefined ? undefined : { traceId, spanId };
}
