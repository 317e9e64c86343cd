// Both logs as syslog messages: RFC 3164, as most daemons read them, and RFC 5424.

import { hostname } from "node:os";
import type { Config, LogLevel } from "../config/config.ts";
import { formatRemote } from "../config/remote-address.ts";
import type { AccessFormat } from "./access-format.ts";
import { isoStamp, syslogStamp } from "./clock.ts";
import { type ErrorFormat, errorFormat } from "./error-format.ts";
import { withoutControls } from "./quote.ts";
import type { LogOrigin, LogSink } from "./record.ts";
import { datagrams } from "./remote/datagrams.ts";
import { createOutlet, type Outlet } from "./remote/outlet.ts";
import { stream } from "./remote/stream.ts";

export type SyslogSettings = Pick<
  Config,
  | "syslog"
  | "syslogAddr"
  | "syslogPrefix"
  | "syslogFacility"
  | "syslogFormat"
  | "disableRedirectAccessToSyslog"
  | "logFormat"
  | "procName"
  | "app"
>;

/** RFC 5424, section 6.2.1, table 1; the names are Gunicorn's. */
const FACILITIES: Readonly<Record<Config["syslogFacility"], number>> = {
  kern: 0,
  user: 1,
  mail: 2,
  daemon: 3,
  auth: 4,
  security: 4,
  syslog: 5,
  lpr: 6,
  news: 7,
  uucp: 8,
  cron: 9,
  authpriv: 10,
  ftp: 11,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
};

/** The same section, table 2. */
const SEVERITIES: Readonly<Record<LogLevel, number>> = {
  critical: 2,
  error: 3,
  warning: 4,
  info: 6,
  debug: 7,
};

/** What receivers take whole: rsyslog's default is 8 KiB, and a datagram of more than that rarely arrives. */
const LONGEST = 8 * 1024;
/** APP-NAME has at most 48 characters: `gunicorn.`, the name, `.access`. RFC 5424, section 6 */
const LONGEST_NAME = 32;

/** A message from its level, its time in milliseconds and its text. */
export type SyslogEncoder = (level: LogLevel, time: number, text: string) => string;

/** `log` becomes part of the program's name, as in Gunicorn: `gunicorn.<prefix>.access`. */
export function syslogEncoder(
  config: SyslogSettings,
  log: "error" | "access",
  pid: number,
  host: string = hostname(),
): SyslogEncoder {
  const facility = FACILITIES[config.syslogFacility] * 8;
  const prefix = config.syslogPrefix ?? config.procName ?? config.app ?? "";
  const name = `gunicorn.${prefix
    .replaceAll(/[^\w.-]+/g, ".")
    .replace(/^\.+/, "")
    .slice(-LONGEST_NAME)}.${log}`;
  const from = host.replaceAll(/[^!-~]/g, "-").slice(0, 255) || "-";
  if (config.syslogFormat === "rfc5424") {
    const fixed = ` ${from} ${name} ${pid} - - `;
    return (level, time, text) =>
      cut(`<${facility + SEVERITIES[level]}>1 ${isoStamp(time)}${fixed}${text}`, LONGEST);
  }
  // As syslog(3) does it, a local daemon is not told the host's name.
  const fixed = `${config.syslogAddr.kind === "unix" ? "" : ` ${from.split(".")[0]}`} ${name}[${pid}]: `;
  return (level, time, text) =>
    cut(
      `<${facility + SEVERITIES[level]}>${syslogStamp(time)}${fixed}${text.replaceAll("\n", "\\x0A")}`,
      LONGEST,
    );
}

function cut(message: string, most: number): string {
  if (message.length * 3 <= most || Buffer.byteLength(message) <= most) return message;
  return new TextDecoder().decode(Buffer.from(message).subarray(0, most), { stream: true });
}

/** The link to the daemon, the same for both logs. */
export function openSyslog(config: SyslogSettings, warn: (message: string) => void): Outlet {
  const { syslogAddr: address, syslogFormat } = config;
  // RFC 6587: 5424's messages may hold line feeds and are counted; 3164's end with one, which every daemon knows.
  const frame = (message: string): string =>
    syslogFormat === "rfc5424" ? `${Buffer.byteLength(message)} ${message}` : `${message}\n`;
  return createOutlet({
    name: `syslog ${formatRemote(address)}`,
    connect:
      address.kind === "udp"
        ? datagrams(address)
        : stream(
            address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port },
            frame,
          ),
    warn,
  });
}

type Takes = Pick<Outlet, "write" | "flush">;

/** The error log's part. */
export function syslogSink(config: SyslogSettings, origin: LogOrigin, to: Takes): LogSink {
  const encode = syslogEncoder(config, "error", origin.pid);
  const json: ErrorFormat | undefined = config.logFormat === "json" ? errorFormat("json", origin) : undefined;
  return {
    write(record) {
      const { level, time, message, stack } = record;
      const text = json?.(record) ?? withoutControls(stack === undefined ? message : `${message}\n${stack}`);
      to.write(encode(level, time, text));
      if (level !== "debug" && level !== "info") to.flush();
    },
  };
}

/** The access log's part: takes its lines, as `AccessFormat` makes them. */
export function syslogLines(
  config: SyslogSettings,
  { pid }: LogOrigin,
  to: Takes,
): (line: ReturnType<AccessFormat["line"]>) => void {
  const encode = syslogEncoder(config, "access", pid);
  return (line) => to.write(encode("info", Date.now(), line));
}
