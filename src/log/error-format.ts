// The two forms of the error log: Gunicorn's lines, and one JSON object a line.

import { errorStamp, isoStamp } from "./clock.ts";
import { jsonText } from "./json.ts";
import { withoutControls } from "./quote.ts";
import type { LogOrigin, LogRecord } from "./record.ts";

/** A record as text, without its final line feed. */
export type ErrorFormat = (record: LogRecord) => string;

/**
 * `text` is `[2026-11-20 21:38:00 +0000] [41] [INFO] message`. Whatever a message contains, it can't pass for two: control
 * characters are escaped, and a further line of the same message never begins as a new message does.
 */
export function errorFormat(form: "text" | "json", origin: LogOrigin): ErrorFormat {
  if (form === "text") {
    return ({ time, level, message, stack }) =>
      `${errorStamp(time)} [${origin.pid}] [${level.toUpperCase()}] ${asOneRecord(stack === undefined ? message : `${message}\n${stack}`)}`;
  }
  const from = jsonOrigin(origin);
  return ({ time, level, message, stack }) =>
    `{"time":"${isoStamp(time)}","log":"error","level":"${level}",${from},"message":${jsonText(message)}${stack === undefined ? "" : `,"stack":${jsonText(stack)}`}}`;
}

/** `"pid":41,"worker":2,"gen":1`: the same in each line of a process. */
export function jsonOrigin(origin: LogOrigin): string {
  const { pid, worker, gen, thread } = origin;
  return Object.entries({ pid, worker, gen, thread })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `"${name}":${value}`)
    .join(",");
}

/** A line that the application has printed, where the log is to hold nothing but JSON. */
export function jsonPrinted(origin: LogOrigin): (line: string, stream: "stdout" | "stderr") => string {
  const from = jsonOrigin(origin);
  return (line, stream) => `{"time":"${isoStamp()}","log":"${stream}",${from},"message":${jsonText(line)}}`;
}

function asOneRecord(message: string): string {
  const clean = withoutControls(message);
  return clean.includes("\n[") ? clean.replaceAll("\n[", "\n [") : clean;
}
