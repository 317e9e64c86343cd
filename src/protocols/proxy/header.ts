// The header of the PROXY protocol, versions 1 and 2. Pure.
// https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt

import { isIPv4, isIPv6 } from "node:net";
import type { Told } from "./told.ts";

export type ProxyVersions = "v1" | "v2" | "auto";

export type Parsed =
  /** Not known before more bytes have come. */
  | { readonly kind: "more" }
  /** What comes is something else. */
  | { readonly kind: "none" }
  /** `client` is undefined where the header says that the connection is the proxy's own, or does not know. */
  | { readonly kind: "header"; readonly length: number; readonly client: Told | undefined }
  | { readonly kind: "malformed"; readonly reason: string };

const V1 = Buffer.from("PROXY ", "latin1");
const V2 = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
/** The longest line of version 1, with its end. */
const LONGEST_V1 = 107;
/** Addresses take 36 bytes, and what proxies add to them some hundred. nginx has the same limit. */
const LONGEST_V2 = 4_096;

const MORE: Parsed = { kind: "more" };
const malformed = (reason: string): Parsed => ({ kind: "malformed", reason });

/** Reads what a connection begins with. */
export function parseProxyHeader(bytes: Buffer, versions: ProxyVersions): Parsed {
  if (versions !== "v2" && begins(bytes, V1)) return bytes.length < V1.length ? MORE : parseV1(bytes);
  if (versions !== "v1" && begins(bytes, V2)) return bytes.length < V2.length + 4 ? MORE : parseV2(bytes);
  if (versions !== "auto") {
    const [other, begin] = versions === "v1" ? (["v2", V2] as const) : (["v1", V1] as const);
    if (begins(bytes, begin))
      return bytes.length < begin.length
        ? MORE
        : malformed(`it is ${other}, and proxyProtocol is ${versions}`);
  }
  return { kind: "none" };
}

/** Whether `bytes`, as far as they have come, are those of `wanted`. */
function begins(bytes: Buffer, wanted: Buffer): boolean {
  const length = Math.min(bytes.length, wanted.length);
  return bytes.compare(wanted, 0, length, 0, length) === 0;
}

function parseV1(bytes: Buffer): Parsed {
  const end = bytes.indexOf("\r\n");
  if (end < 0 || end + 2 > LONGEST_V1)
    return bytes.length < LONGEST_V1 ? MORE : malformed("its line is too long");
  const line = bytes.toString("latin1", 0, end);
  const length = end + 2;
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: "header", length, client: undefined };
  const [, family, address = "", to = "", port = "", toPort = ""] =
    /^PROXY TCP([46]) ([\da-fA-F.:]+) ([\da-fA-F.:]+) (\d{1,5}) (\d{1,5})$/.exec(line) ?? [];
  const isAddress = family === "4" ? isIPv4 : isIPv6;
  if (family === undefined || !isAddress(address) || !isAddress(to) || !isPort(port) || !isPort(toPort))
    return malformed(`its line is ${JSON.stringify(line)}`);
  const client: Told = {
    address,
    port: Number(port),
    family: family === "4" ? "IPv4" : "IPv6",
    encrypted: false,
  };
  return { kind: "header", length, client };
}

const isPort = (text: string): boolean => Number(text) <= 65_535;

const [LOCAL, PROXY] = [0x20, 0x21];
const [UNSPEC, TCP4, TCP6, UNIX] = [0x00, 0x11, 0x21, 0x31];

function parseV2(bytes: Buffer): Parsed {
  const command = bytes[12] ?? 0;
  const family = bytes[13] ?? 0;
  const length = 16 + bytes.readUInt16BE(14);
  if (command !== LOCAL && command !== PROXY) return malformed(`version and command are ${hex(command)}`);
  if (length > LONGEST_V2) return malformed(`it is ${length} bytes long`);
  if (bytes.length < length) return MORE;
  // A unix socket's client has no address that would be worth more than the proxy's own.
  if (command === LOCAL || family === UNSPEC || family === UNIX)
    return { kind: "header", length, client: undefined };
  const size = family === TCP4 ? 4 : 16;
  if (family !== TCP4 && family !== TCP6) return malformed(`family and transport are ${hex(family)}`);
  const rest = 16 + 2 * size + 4;
  if (length < rest) return malformed("it is too short for its addresses");
  const client: Told = {
    address: addressOf(bytes.subarray(16, 16 + size)),
    port: bytes.readUInt16BE(16 + 2 * size),
    family: family === TCP4 ? "IPv4" : "IPv6",
    encrypted: cameOverTls(bytes.subarray(rest, length)),
  };
  return { kind: "header", length, client };
}

const hex = (byte: number): string => `0x${byte.toString(16).padStart(2, "0")}`;

function addressOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  // The URL standard's host serializer shortens it as RFC 5952 says.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

const SSL = 0x20;
const CLIENT_SSL = 0x01;

/** Whether PP2_TYPE_SSL is among what was added, and says so. All else is skipped. */
function cameOverTls(added: Buffer): boolean {
  for (let at = 0; at + 3 <= added.length; ) {
    const size = added.readUInt16BE(at + 1);
    if (added[at] === SSL && size >= 1) return ((added[at + 3] ?? 0) & CLIENT_SSL) !== 0;
    at += 3 + size;
  }
  return false;
}
