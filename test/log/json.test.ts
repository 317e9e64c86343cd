import assert from "node:assert/strict";
import { test } from "node:test";
import type { AccessRecord } from "../../src/log/access-format.ts";
import { accessFormat } from "../../src/log/access-log.ts";
import { createErrorLog } from "../../src/log/error-log.ts";
import { jsonBytes, jsonText } from "../../src/log/json.ts";
import { parseTraceparent } from "../../src/log/trace.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** What no line may hold as it is: it would end the line for some tool, drive a terminal or turn text around. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

const EVIL = '"\\\n\r\t\0\x1b[2K\x7f\x85\x9b\u2028\u2029\u202e\u2066\ud800},{"level":"info"}';

function fields(line: string): Record<string, unknown> {
  assert.doesNotMatch(line, UNSAFE);
  const value: unknown = JSON.parse(line);
  assert.ok(typeof value === "object" && value !== null);
  return Object.fromEntries(Object.entries(value));
}

function access(
  headers: Readonly<Record<string, string>> = {},
  changes: Partial<AccessRecord> = {},
  durationMs = 1.2345,
): Record<string, unknown> {
  const { line } = accessFormat(
    { logFormat: "json", accessLogFormat: "%(h)s" },
    { pid: 41, worker: 2, gen: 3 },
  );
  const record: AccessRecord = {
    client: { address: "203.0.113.7", port: 4711 },
    connection: {},
    method: "GET",
    target: "/a?b=1",
    httpVersion: "1.1",
    header: (name) => headers[name],
    status: 200,
    bodyBytes: 12,
    responseHeader: () => undefined,
    ...changes,
  };
  return fields(line(record, durationMs));
}

test("an access record is one object with these fields", () => {
  const { time, ...rest } = access({
    "user-agent": "curl/8",
    referer: "http://x/",
    authorization: `Basic ${Buffer.from("ann:secret").toString("base64")}`,
    traceparent: `00-${TRACE}-${SPAN}-01`,
  });
  assert.match(String(time), STAMP);
  assert.deepEqual(rest, {
    log: "access",
    pid: 41,
    worker: 2,
    gen: 3,
    client: "203.0.113.7",
    user: "ann",
    method: "GET",
    target: "/a?b=1",
    protocol: "HTTP/1.1",
    status: 200,
    bytes: 12,
    duration_ms: 1.235,
    referer: "http://x/",
    user_agent: "curl/8",
    trace_id: TRACE,
    span_id: SPAN,
  });
});

test("what a client leaves out is left out", () => {
  const names = Object.keys(access({}, { client: { address: "" } }));
  for (const name of ["user", "referer", "user_agent", "trace_id", "span_id"])
    assert.ok(!names.includes(name));
});

test("no value can end its field, its line or drive a terminal", () => {
  const parsed = access(
    { "user-agent": EVIL, referer: EVIL, authorization: `Basic ${Buffer.from(EVIL).toString("base64")}` },
    { target: EVIL, method: EVIL, client: { address: EVIL } },
  );
  for (const name of ["target", "method", "client", "referer", "user_agent"])
    assert.equal(parsed[name], EVIL);
  assert.equal(parsed.level, undefined);
});

test("bytes are read as UTF-8 where they are, and as Latin-1 elsewhere", () => {
  assert.equal(jsonBytes(Buffer.from("žofie").toString("latin1")), '"žofie"');
  assert.equal(jsonBytes("\xe9\xff"), '"éÿ"');
  assert.equal(jsonBytes("\xc2\x9b"), '"\\u009b"');
  assert.equal(jsonText("plain"), '"plain"');
});

test("every duration is a number to the microsecond", () => {
  for (const [ms, shown] of [
    [0, 0],
    [-1, 0],
    [0.0004, 0],
    [0.009, 0.009],
    [12.05, 12.05],
    [3_600_000.5, 3_600_000.5],
  ] as const)
    assert.equal(access({}, {}, ms).duration_ms, shown);
});

test("an error record has time, level, process, message and stack", () => {
  const lines: string[] = [];
  const log = createErrorLog({
    destination: { write: (line) => lines.push(line), flush: () => undefined },
    level: "debug",
    form: "json",
    origin: { pid: 41, worker: 2, gen: 3, thread: 4 },
  });
  for (const level of ["debug", "info", "warning", "error", "critical"] as const) log[level](EVIL);
  log.exception("it broke", new TypeError(EVIL));
  const records = lines.map(fields);
  assert.deepEqual(
    records.map(({ level }) => level),
    ["debug", "info", "warning", "error", "critical", "error"],
  );
  const { time, ...first } = records[0] ?? {};
  assert.match(String(time), STAMP);
  assert.deepEqual(first, {
    log: "error",
    level: "debug",
    pid: 41,
    worker: 2,
    gen: 3,
    thread: 4,
    message: EVIL,
  });
  assert.equal(records[5]?.message, "it broke");
  assert.match(String(records[5]?.stack), /^TypeError: [\s\S]*\n\s+at .*json\.test/);
});

test("the arbiter is no worker", () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line), flush: () => undefined };
  createErrorLog({ destination, form: "json", origin: { pid: 40 } }).info("x");
  assert.deepEqual(Object.keys(fields(lines[0] ?? "")), ["time", "log", "level", "pid", "message"]);
});

const malformed: readonly (string | undefined)[] = [
  undefined,
  "",
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}-${SPAN}-01-more`,
  `ff-${TRACE}-${SPAN}-01`,
  `0x-${TRACE}-${SPAN}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${"0".repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
  `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  `01-${TRACE}-${SPAN}-01x`,
  `00-${TRACE}-${SPAN}-01\n`,
];
for (const header of malformed) {
  test(`traceparent ${JSON.stringify(header)} is ignored`, () => {
    assert.equal(parseTraceparent(header), undefined);
  });
}

test("a traceparent of a later version may have more fields", () => {
  assert.deepEqual(parseTraceparent(`01-${TRACE}-${SPAN}-01-more`), { traceId: TRACE, spanId: SPAN });
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-00`), { traceId: TRACE, spanId: SPAN });
});
