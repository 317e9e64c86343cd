// The access log as one JSON object a line. Its fields are fixed, so that the line is put together without an object.

import type { AccessFormat, AccessRecord } from "./access-format.ts";
import { basicUser } from "./basic-user.ts";
import { isoStamp } from "./clock.ts";
import { jsonOrigin } from "./error-format.ts";
import { jsonBytes, jsonText } from "./json.ts";
import type { LogOrigin } from "./record.ts";
import { parseTraceparent } from "./trace.ts";

/** Fields without a value are left out; docs/logs.md lists them. */
export function jsonAccessFormat(origin: LogOrigin): AccessFormat {
  const from = `","log":"access",${jsonOrigin(origin)},"client":`;
  return {
    needs: { client: true, bodyBytes: true, duration: true },
    line(record, durationMs) {
      return (
        `{"time":"${isoStamp()}${from}${jsonText(record.client.address)}${userField(record.header("authorization"))}` +
        `,"method":${jsonBytes(record.method)},"target":${jsonBytes(record.target)},"protocol":"HTTP/${record.httpVersion}"` +
        `,"status":${record.status},"bytes":${record.bodyBytes},"duration_ms":${milliseconds(durationMs)}` +
        `${field("referer", record.header("referer"))}${field("user_agent", record.header("user-agent"))}${traceFields(record)}}`
      );
    },
  };
}

const field = (name: string, value: string | undefined): string =>
  value === undefined ? "" : `,"${name}":${jsonBytes(value)}`;

function userField(authorization: string | undefined): string {
  if (authorization === undefined) return "";
  const user = basicUser(authorization);
  return user === undefined ? "" : `,"user":${jsonText(user)}`;
}

function traceFields(record: AccessRecord): string {
  const header = record.header("traceparent");
  if (header === undefined) return "";
  const trace = parseTraceparent(header);
  return trace === undefined ? "" : `,"trace_id":"${trace.traceId}","span_id":"${trace.spanId}"`;
}

/** To the microsecond. Digits of whole numbers are made several times as fast as those of a fraction. */
function milliseconds(durationMs: number): string {
  const us = durationMs > 0 ? Math.round(durationMs * 1000) : 0;
  const rest = us % 1000;
  const digits = rest < 10 ? `00${rest}` : rest < 100 ? `0${rest}` : rest;
  return `${(us - rest) / 1000}.${digits}`;
}
