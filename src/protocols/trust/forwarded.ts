// What proxies write of whom they speak for: X-Forwarded-For and Forwarded (RFC 7239). Pure.

import { isIP, isIPv4 } from "node:net";
import type { Endpoint } from "../exchange.ts";

/** One proxy's word: the node that it had its request from, as written, and what that spoke. */
export interface Hop {
  readonly node: string | undefined;
  readonly proto: "http" | "https" | undefined;
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`; undefined for anything else. */
export function parseNode(text: string): Endpoint | undefined {
  // A zone means something on one machine alone, and may be any text.
  if (text.includes("%")) return undefined;
  if (isIP(text) !== 0) return { address: text, port: undefined };
  const [, six, four, port] = /^(?:\[([^\]]*)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = six ?? four ?? "";
  const known = six === undefined ? isIPv4(address) : isIP(address) === 6;
  if (!known || Number(port ?? 0) > 65_535) return undefined;
  return { address, port: port === undefined ? undefined : Number(port) };
}

/** The nodes of X-Forwarded-For, the client's own first. */
export function parseForwardedFor(value: string): Hop[] {
  const nodes = value.split(",").map((node) => node.trim());
  return nodes.filter((node) => node !== "").map((node) => ({ node, proto: undefined }));
}

// A port makes quotes necessary, which is often forgotten.
const PAIR = /[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+))[ \t]*(?=[;,]|$)/y;
const SEPARATOR = /[ \t]*(?:([;,])|$)/y;

/** The elements of Forwarded, the client's own first; undefined where the field is malformed. Pairs may be left out. */
export function parseForwarded(value: string): Hop[] | undefined {
  const hops: Hop[] = [];
  let pairs = new Map<string, string>();
  for (let at = 0; ; ) {
    PAIR.lastIndex = at;
    const pair = PAIR.exec(value);
    if (pair !== null) {
      const [, name = "", quoted, token] = pair;
      const key = name.toLowerCase();
      if (pairs.has(key)) return undefined;
      pairs.set(key, quoted?.replaceAll(/\\(.)/g, "$1") ?? token ?? "");
      at = PAIR.lastIndex;
    }
    SEPARATOR.lastIndex = at;
    const separator = SEPARATOR.exec(value);
    if (separator === null) return undefined;
    at = SEPARATOR.lastIndex;
    if (separator[1] === ";") continue;
    if (pairs.size > 0) {
      const hop = hopOf(pairs);
      if (hop === undefined) return undefined;
      hops.push(hop);
      pairs = new Map();
    }
    if (separator[1] === undefined) return hops;
  }
}

function hopOf(pairs: ReadonlyMap<string, string>): Hop | undefined {
  const proto = pairs.get("proto")?.toLowerCase();
  if (proto !== undefined && proto !== "http" && proto !== "https") return undefined;
  return { node: pairs.get("for"), proto };
}

export interface Found {
  /** Undefined where not even the nearest hop names an address. */
  readonly client: Endpoint | undefined;
  /** What that client spoke, where its hop says so. */
  readonly proto: Hop["proto"];
  /** The node that could not be read, where the search ended at one. */
  readonly unreadable: string | undefined;
}

/**
 * The client: the last node that is not itself trusted, since each proxy adds whom it sees at the end, and what stands
 * before the word of the first trusted one may be made up. Where all are trusted it is the first.
 */
export function findClient(hops: readonly Hop[], trusts: (address: string) => boolean): Found {
  let client: Endpoint | undefined;
  let proto: Hop["proto"];
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = hops[i];
    if (hop === undefined) break;
    const node = hop.node === undefined ? undefined : parseNode(hop.node);
    // The nearest element is a trusted proxy's, whatever it says of the node: RFC 7239 allows it to hide that.
    if (i === hops.length - 1 || node !== undefined) proto = hop.proto;
    if (node === undefined) return { client, proto, unreadable: hiding(hop.node) ? undefined : hop.node };
    client = node;
    if (!trusts(node.address)) break;
  }
  return { client, proto, unreadable: undefined };
}

/** `unknown`, and names that begin with `_`, are RFC 7239's ways not to tell an address. */
const hiding = (node: string | undefined): boolean =>
  node === undefined || /^(unknown|_[\w.-]+)(:|$)/i.test(node);
