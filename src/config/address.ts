// Listening addresses: every way Gunicorn writes them, and a port alone.
import { isIP, isIPv6 } from "node:net";
import { type Codec, scalar } from "./codec.ts";

/** What is spoken on a listening socket. HTTP's version is agreed upon with the client. */
export type ProtocolName = "http" | "https" | "uwsgi" | "fastcgi" | "scgi";

/** Those an address may name. */
const protocolNames: readonly ProtocolName[] = ["http", "https", "uwsgi", "fastcgi", "scgi"];

/** A listening address, and what is spoken there where it says so itself: `uwsgi://127.0.0.1:3031`. */
export type Address = Place & { readonly protocol?: ProtocolName };

type Place =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "fd"; readonly fd: number }
  /** Every socket that systemd passed under that name (FileDescriptorName=). */
  | { readonly kind: "name"; readonly name: string };

const defaultHost = "127.0.0.1";
const defaultPort = 8000;
/** sun_path has 108 bytes on Linux, the last a NUL: https://man7.org/linux/man-pages/man7/unix.7.html */
const longestPath = 107;

/** What is expected of a Unix socket's path that is too long; undefined for any other. */
export const shorterPath = (path: string): string | undefined =>
  Buffer.byteLength(path) > longestPath
    ? `a path of at most ${longestPath} bytes for a Unix socket`
    : undefined;

function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port <= 65535 ? port : undefined;
}

function tcp(host: string, portText: string | undefined): Place | undefined {
  const port = portText === undefined ? defaultPort : portOf(portText);
  return port === undefined ? undefined : { kind: "tcp", host, port };
}

/** Reads an address, or nothing where the text is none. */
export function parseAddress(text: string): Address | undefined {
  const [, named, rest = ""] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? [];
  const protocol = protocolNames.find((name) => name === named);
  if (protocol === undefined) return parsePlace(text);
  // A slash at the end, as in a URL, is no part of a host.
  const place = parsePlace(
    rest.startsWith("unix:") || rest.startsWith("fd:") ? rest : rest.replace(/\/$/, ""),
  );
  return place === undefined ? undefined : { ...place, protocol };
}

function parsePlace(text: string): Place | undefined {
  const unix = /^unix:(?:\/\/)?(.+)$/.exec(text)?.[1];
  if (unix !== undefined) {
    return shorterPath(unix) === undefined && !unix.includes("\0") ? { kind: "unix", path: unix } : undefined;
  }
  const fd = /^fd:\/\/(\d{1,9})$/.exec(text)?.[1];
  if (fd !== undefined) return { kind: "fd", fd: Number(fd) };
  const name = /^fd:\/\/([A-Za-z_][^\s,:\p{Cc}]{0,254})$/u.exec(text)?.[1];
  if (name !== undefined) return { kind: "name", name };

  const place = /^tcp:\/\/(.+?)\/?$/.exec(text)?.[1] ?? text;
  if (/^\d+$/.test(place)) return tcp(defaultHost, place);
  const six = /^\[([^\]]+)\](?::(.*))?$/.exec(place);
  if (six?.[1] !== undefined) return isIPv6(six[1]) ? tcp(six[1], six[2]) : undefined;
  const four = /^([^:]*)(?::([^:]*))?$/.exec(place);
  if (four === null || place === "") return undefined;
  const host = four[1] === "" || four[1] === undefined ? "0.0.0.0" : four[1];
  // A dotted number that is no IPv4 address is a slip, not a host name.
  const isHost = /^[\d.]+$/.test(host)
    ? isIP(host) === 4
    : /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(host);
  return isHost ? tcp(host, four[2]) : undefined;
}

/** The address as `parseAddress` reads it back. */
export function formatAddress(address: Address): string {
  return address.protocol === undefined
    ? formatPlace(address)
    : `${address.protocol}://${formatPlace(address)}`;
}

/** The address without its protocol: `127.0.0.1:8000`, `[::1]:8000`, `unix:/run/app.sock`, `fd://3`. */
export function formatPlace(address: Address): string {
  switch (address.kind) {
    case "unix":
      return `unix:${address.path}`;
    case "fd":
      return `fd://${address.fd}`;
    case "name":
      return `fd://${address.name}`;
    case "tcp":
      return address.host.includes(":")
        ? `[${address.host}]:${address.port}`
        : `${address.host}:${address.port}`;
  }
}

export function address(): Codec<Address> {
  return scalar<Address>({
    metavar: "ADDRESS",
    expected:
      "an address (HOST:PORT, :PORT, PORT, [IPV6]:PORT, unix:PATH, fd://N or fd://NAME, with http://, https://, uwsgi://, fastcgi:// or scgi:// before it)",
    hint: (text) => shorterPath(/^(?:[a-z]+:\/\/)?unix:(?:\/\/)?(.+)$/.exec(text)?.[1] ?? ""),
    input: "string | number",
    schema: { type: ["string", "integer"] },
    parse: parseAddress,
    accept: (value) => (typeof value === "number" ? parseAddress(String(value)) : undefined),
    format: formatAddress,
    plain: formatAddress,
  });
}

/** An IP address, a network in CIDR notation, or `*` for everyone. */
export function network(): Codec<string> {
  const known = (text: string) => {
    const [ip = "", bits, ...rest] = text.split("/");
    const version = isIP(ip);
    if (version === 0 || rest.length > 0) return undefined;
    const most = version === 4 ? 32 : 128;
    return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most) ? text : undefined;
  };
  return scalar({
    metavar: "IPS",
    expected: "an IP address, a network such as 10.0.0.0/8, or *",
    input: "string",
    schema: { type: "string" },
    parse: (text) => (text === "*" ? text : known(text)),
  });
}
