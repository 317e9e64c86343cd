// PROXY headers as a proxy would write them.

import { isIPv6 } from "node:net";

export const v1 = (address: string, port: number): string =>
  `PROXY TCP${isIPv6(address) ? 6 : 4} ${address} ${isIPv6(address) ? "::1" : "127.0.0.1"} ${port} 80\r\n`;

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";

/** Version 2, whatever its parts are, as latin1. */
export function v2(command: number, family: number, rest: readonly number[]): string {
  const bytes = [command, family, rest.length >> 8, rest.length & 255, ...rest];
  return SIGNATURE + Buffer.from(bytes).toString("latin1");
}

/** For an IPv4 client, with what is added to the addresses. */
export function v2Of(address: string, port: number, added: readonly number[] = []): string {
  const client = address.split(".").map(Number);
  return v2(0x21, 0x11, [...client, 127, 0, 0, 1, port >> 8, port & 255, 0, 80, ...added]);
}

export const tlv = (type: number, value: readonly number[]): number[] => [
  type,
  value.length >> 8,
  value.length & 255,
  ...value,
];
