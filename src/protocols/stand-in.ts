// The answer that is given in the application's stead: plain, and nothing in it is the application's.

import { STATUS_CODES } from "node:http";

export interface StandIn {
  readonly reason: string;
  /** Names and values by turns. */
  readonly headers: readonly string[];
  readonly body: string;
}

export function standIn(status: number): StandIn {
  const reason = STATUS_CODES[status] ?? "Error";
  const body = `${reason}\n`;
  const length = String(body.length);
  const headers = [
    "Content-Type",
    "text/plain; charset=utf-8",
    "Content-Length",
    length,
    "Connection",
    "close",
  ];
  return { reason, headers, body };
}
