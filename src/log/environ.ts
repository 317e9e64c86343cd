// The CGI variables that `%({variable}e)s` shows: the application's environ where it had one, else the same names
// taken from the request.

import type { AccessRecord } from "./access-atoms.ts";
import { requestPath, requestQuery } from "./target.ts";

type Source = (record: AccessRecord) => string | undefined;

const portText = (port: number | undefined): string | undefined =>
  port === undefined ? undefined : String(port);

const DERIVED: Readonly<Record<string, Source>> = {
  request_method: (record) => record.method,
  raw_uri: (record) => record.target,
  path_info: (record) => requestPath(record.target),
  script_name: (record) => record.scriptName ?? "",
  query_string: (record) => requestQuery(record.target),
  server_protocol: (record) => `HTTP/${record.httpVersion}`,
  server_name: (record) => record.connection.local?.address,
  server_port: (record) => portText(record.connection.local?.port),
  remote_addr: (record) => record.client.address,
  remote_port: (record) => portText(record.client.port),
  content_type: (record) => record.header("content-type"),
  content_length: (record) => record.header("content-length"),
  "wsgi.url_scheme": (record) => record.scheme,
};

/** A variable by its lower-case name. The process's own environment is left out: it holds secrets, and says nothing of a request. */
export function variable(record: AccessRecord, name: string): string | undefined {
  const { environ } = record;
  if (environ !== undefined) return fromEnviron(environ, name);
  const source = Object.hasOwn(DERIVED, name) ? DERIVED[name] : undefined;
  if (source !== undefined) return source(record);
  return name.startsWith("http_") ? record.header(name.slice(5).replaceAll("_", "-")) : undefined;
}

/** CGI's names are upper case, WSGI's lower case, and middleware adds its own. */
function fromEnviron(environ: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const upper = name.toUpperCase();
  if (Object.hasOwn(environ, upper)) return asText(environ[upper]);
  const key = Object.keys(environ).find((candidate) => candidate.toLowerCase() === name);
  return key === undefined ? undefined : asText(environ[key]);
}

function asText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  return undefined;
}
