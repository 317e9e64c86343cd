// Requests in flight as the error log shows them, whoever tells of them. Pure: from data to text.

import { quoteBytes } from "./quote.ts";

/** Requests shown at most: the first, and the last, which may be the one at fault. */
const SHOWN = 20;

export interface Shown {
  /** Method and target as sent, one character per byte. */
  readonly line: string;
  readonly client: string;
  /** In milliseconds. */
  readonly age: number;
}

/** In their order; `count` are in flight in all. */
export function requestLines(requests: readonly Shown[], count: number): string[] {
  if (requests.length === 0) return ["no request in flight"];
  const shown =
    requests.length <= SHOWN ? requests : [...requests.slice(0, SHOWN - 1), ...requests.slice(-1)];
  const lines = shown.map(
    ({ line, client, age }) => `  ${quoteBytes(line)} from ${client} for ${duration(age)}`,
  );
  const hidden = Math.max(count, requests.length) - shown.length;
  if (hidden > 0) lines.splice(-1, 0, `  and ${hidden} more`);
  return ["requests in flight:", ...lines];
}

/** `12.3 s`; below a second, `0.35 s`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1_000;
  return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
}
