// Where logs and figures are sent to.
import { isIPv6 } from "node:net";
import { shorterPath } from "./address.ts";
import { type Codec, scalar } from "./codec.ts";

export type RemoteAddress =
  | { readonly kind: "udp" | "tcp"; readonly host: string; readonly port: number }
  /** A stream socket: Node knows no others. */
  | { readonly kind: "unix"; readonly path: string };

type HostAndPort = { readonly host: string; readonly port: number };

function hostAndPort(text: string, defaultPort: number): HostAndPort | undefined {
  const [, six, name, digits] =
    /^(?:\[([^\]]+)\]|([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = six ?? name;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (host === undefined || port < 1 || port > 65_535 || (six !== undefined && !isIPv6(six)))
    return undefined;
  return { host, port };
}

const formatHost = ({ host, port }: HostAndPort): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

/** The address as the codecs read it back. */
export function formatRemote(address: RemoteAddress): string {
  return address.kind === "unix" ? `unix://${address.path}` : `${address.kind}://${formatHost(address)}`;
}

function parseSyslog(text: string): RemoteAddress | undefined {
  const [, scheme, rest = ""] = /^(udp|tcp|unix):\/\/(.+)$/.exec(text) ?? [];
  if (scheme === "unix") {
    const path = rest.replace(/#stream$/, "");
    return /#dgram$|\0/.test(path) || shorterPath(path) !== undefined ? undefined : { kind: "unix", path };
  }
  if (scheme !== "udp" && scheme !== "tcp") return undefined;
  const place = hostAndPort(rest, 514);
  return place === undefined ? undefined : { kind: scheme, ...place };
}

/** `udp://HOST:PORT`, `tcp://HOST:PORT` or `unix://PATH`, the port being 514 where none is named. */
export function syslogAddress(): Codec<RemoteAddress> {
  return scalar<RemoteAddress>({
    metavar: "SYSLOG_ADDR",
    expected:
      "udp://HOST:PORT, tcp://HOST:PORT or unix://PATH of a stream socket (Node can't reach datagram sockets)",
    hint: (text) => shorterPath(/^unix:\/\/(.+)$/.exec(text)?.[1]?.replace(/#stream$/, "") ?? ""),
    input: "string",
    schema: { type: "string" },
    parse: parseSyslog,
    format: formatRemote,
    plain: formatRemote,
  });
}

/** `HOST:PORT` for UDP, the port being 8125 where none is named. */
export function statsdAddress(): Codec<HostAndPort> {
  return scalar<HostAndPort>({
    metavar: "STATSD_ADDR",
    expected: "HOST:PORT, for UDP (Node can't reach Unix datagram sockets)",
    input: "string",
    schema: { type: "string" },
    parse: (text) => hostAndPort(text.replace(/^udp:\/\//, ""), 8125),
    format: formatHost,
    plain: formatHost,
  });
}
