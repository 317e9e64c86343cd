import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import type { LogLevel } from "../../src/config/config.ts";
import { type Destination, openDestination } from "../../src/log/destination.ts";
import { createErrorLog } from "../../src/log/error-log.ts";
import { linesOf, openPipe, temporaryDirectory } from "./places.ts";

function memory(): Destination & { readonly records: string[] } {
  const records: string[] = [];
  const nothing = (): void => {};
  return {
    records,
    standard: false,
    lost: 0,
    write: (line) => records.push(line),
    flush: nothing,
    flushSync: nothing,
    reopen: nothing,
    close: nothing,
  };
}

test("lines are Gunicorn's", (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  const destination = openDestination(file);
  const log = createErrorLog({ destination, level: "debug", origin: { pid: 41 } });
  for (const level of ["debug", "info", "warning", "error", "critical"] as const) log[level](`a ${level}`);
  destination.close();
  const lines = linesOf(file);
  assert.deepEqual(
    lines.map((line) => line.replace(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\]/, "[stamp]")),
    [
      "[stamp] [41] [DEBUG] a debug",
      "[stamp] [41] [INFO] a info",
      "[stamp] [41] [WARNING] a warning",
      "[stamp] [41] [ERROR] a error",
      "[stamp] [41] [CRITICAL] a critical",
    ],
  );
});

test("messages below the level are left out", () => {
  const levels: LogLevel[] = ["debug", "info", "warning", "error", "critical"];
  for (const [least, level] of levels.entries()) {
    const destination = memory();
    const log = createErrorLog({ destination, level });
    for (const each of levels) log[each]("x");
    log.exception("x", new Error("x"));
    assert.equal(destination.records.length, levels.length - least + (level === "critical" ? 0 : 1));
    assert.deepEqual(levels.filter(log.shows), levels.slice(least));
    assert.equal(log.level, level);
  }
});

test("without a level it is info, and the pid is this process's", () => {
  const destination = memory();
  const log = createErrorLog({ destination });
  log.debug("no");
  log.info("yes");
  assert.equal(destination.records.length, 1);
  assert.ok(destination.records[0]?.endsWith(` [${process.pid}] [INFO] yes`));
});

test("from warning on a line is written at once, and what waited before it", (t) => {
  for (const level of ["warning", "error", "critical"] as const) {
    const pipe = openPipe(t);
    const destination = openDestination(pipe.path);
    const log = createErrorLog({ destination });
    log.info("waits");
    assert.equal(pipe.read(), "");
    log[level]("now");
    assert.match(pipe.read(), /waits\n.*now\n$/);
    destination.close();
  }
});

test("a message can't pass for another", () => {
  const destination = memory();
  const log = createErrorLog({ destination });
  log.error("bad\n[2026-01-01 00:00:00 +0000] [1] [INFO] forged\r\x1b[2K\ttab");
  assert.match(
    destination.records[0] ?? "",
    /\[ERROR\] bad\n \[2026-01-01 00:00:00 \+0000\] \[1\] \[INFO\] forged\\x0D\\x1B\[2K\ttab$/,
  );
});

test("an exception is told with its stack, in the same record", () => {
  const destination = memory();
  createErrorLog({ destination }).exception("Error handling request /", new TypeError("no such\x07 thing"));
  const [record = "", ...more] = destination.records;
  assert.deepEqual(more, []);
  const [first, second, third] = record.split("\n");
  assert.match(first ?? "", /\[ERROR\] Error handling request \/$/);
  assert.equal(second, "TypeError: no such\\x07 thing");
  assert.match(third ?? "", /^ {4}at .*error-log\.test\.ts:\d+:\d+\)?$/);
});
