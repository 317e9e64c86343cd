// Who a request is from and how it came, by the word of those who may give it. For every protocol whose requests have
// header fields. Nothing is worked out before somebody asks, and nothing is looked at where the peer is not trusted.

import type { Config } from "../../config/config.ts";
import type { Connection, Endpoint } from "../exchange.ts";
import { percentDecoded } from "../path.ts";
import { toldOf } from "../proxy/told.ts";
import { type Found, findClient, parseForwarded, parseForwardedFor } from "./forwarded.ts";
import { compileNetworks, type Networks } from "./networks.ts";
import { compileSchemes } from "./schemes.ts";

export type TrustSettings = Pick<
  Config,
  "forwardedAllowIps" | "secureSchemeHeaders" | "forwarderHeaders" | "rootPath"
>;

type Asked = Pick<Connection, "peer" | "trusted" | "encrypted" | "socket">;

/** `rawHeaders` are names and values by turns. */
export interface Trust {
  /** Whether a peer of this address may speak for clients. */
  readonly trusts: Networks;
  /** Whether any field could name the client. */
  mayName(rawHeaders: readonly string[]): boolean;
  /** The peer, or whom a trusted peer says that it speaks for. Its port is unknown where that is not told. */
  client(connection: Asked, rawHeaders: readonly string[]): Endpoint;
  scheme(connection: Asked, rawHeaders: readonly string[]): "http" | "https";
  /** Where the application is mounted, percent-decoded, without a slash at its end; empty at the root. */
  scriptName(connection: Asked, rawHeaders: readonly string[]): string;
}

export function compileTrust(settings: TrustSettings, log: { warning(message: string): void }): Trust {
  const trusts = compileNetworks(settings.forwardedAllowIps);
  const schemes = compileSchemes(settings);
  const forwarders = settings.forwarderHeaders.map((name) => name.toUpperCase());
  const namesMount = forwarders.includes("SCRIPT_NAME") || forwarders.includes("*");
  // As in Gunicorn, `-e SCRIPT_NAME=/shop` mounts the application, too.
  const rootPath = mountOf(settings.rootPath || (process.env.SCRIPT_NAME ?? ""));
  /** Those whose malformed field was told: once for each connection is enough. */
  const told = new WeakSet<Asked>();

  const complain = (connection: Asked, what: string): void => {
    if (told.has(connection)) return;
    told.add(connection);
    log.warning(`Ignored from ip=${connection.peer.address}: ${what}`);
  };

  const found = (connection: Asked, name: string, hops: ReturnType<typeof parseForwarded>): Found => {
    if (hops === undefined) {
      complain(connection, `malformed ${name}`);
      return NOTHING;
    }
    const one = findClient(hops, trusts);
    if (one.unreadable !== undefined) {
      complain(
        connection,
        `${name} with ${JSON.stringify(one.unreadable.slice(0, 60))}, which is no address`,
      );
    }
    return one;
  };

  /** Clients come again. What was complained of is not kept. */
  const clients = new Map<string, Endpoint>();

  const byList = (connection: Asked, list: string): Endpoint => {
    const known = clients.get(list);
    if (known !== undefined) return known;
    const one = found(connection, "X-Forwarded-For", parseForwardedFor(list));
    if (one.client === undefined) return connection.peer;
    if (one.unreadable === undefined && list.length <= LONGEST_KEPT) {
      if (clients.size >= MOST_KEPT) clients.clear();
      clients.set(list, one.client);
    }
    return one.client;
  };

  const client: Trust["client"] = (connection, rawHeaders) => {
    // Whether the peer is trusted is the dearer question.
    if (!mayName(rawHeaders) || !connection.trusted) return connection.peer;
    const { peer } = connection;
    const list = fieldOf(rawHeaders, "x-forwarded-for");
    if (list !== undefined) return byList(connection, list);
    if (saidScheme(rawHeaders) !== undefined) return peer;
    const forwarded = fieldOf(rawHeaders, "forwarded");
    if (forwarded === undefined) return peer;
    return found(connection, "Forwarded", parseForwarded(forwarded)).client ?? peer;
  };

  const saidScheme = (rawHeaders: readonly string[]): "http" | "https" | undefined => {
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const said = schemes.said(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "");
      if (said !== undefined) return said;
    }
    return undefined;
  };

  const scheme: Trust["scheme"] = (connection, rawHeaders) => {
    const own = connection.encrypted || toldOf(connection.socket)?.encrypted === true ? "https" : "http";
    if (!connection.trusted) return own;
    const said = saidScheme(rawHeaders);
    if (said !== undefined) return said;
    const forwarded = fieldOf(rawHeaders, "forwarded");
    // Who sets the one leaves the other to the client.
    if (forwarded === undefined || fieldOf(rawHeaders, "x-forwarded-for") !== undefined) return own;
    return found(connection, "Forwarded", parseForwarded(forwarded)).proto ?? own;
  };

  const scriptName: Trust["scriptName"] = (connection, rawHeaders) => {
    if (!namesMount) return rootPath;
    const said = fieldOf(rawHeaders, "script_name");
    return said !== undefined && connection.trusted ? mountOf(percentDecoded(said)) : rootPath;
  };

  return { trusts, mayName, client, scheme, scriptName };
}

const NOTHING: Found = { client: undefined, proto: undefined, unreadable: undefined };

const MOST_KEPT = 1_024;
const LONGEST_KEPT = 64;

const [F, X] = ["f", "x"].map((letter) => letter.charCodeAt(0));

/** False where length and first letter tell that no field names the client: most requests that no proxy passes on. */
function mayName(rawHeaders: readonly string[]): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const first = name.charCodeAt(0) | 0x20;
    if ((first === X && name.length === 15) || (first === F && name.length === 9)) return true;
  }
  return false;
}

const mountOf = (path: string): string => path.replace(/\/+$/, "");

/** A field's value by its lower-case name, several joined; undefined where it is not there or says nothing. */
function fieldOf(rawHeaders: readonly string[], wanted: string): string | undefined {
  let joined = "";
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue;
    const value = rawHeaders[i + 1] ?? "";
    joined = joined === "" ? value : `${joined},${value}`;
  }
  return joined.trim() === "" ? undefined : joined;
}
