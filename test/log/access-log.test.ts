import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { type AccessRecord, createAccessLog } from "../../src/log/access-log.ts";
import type { Exchange } from "../../src/protocols/exchange.ts";
import { linesOf, temporaryDirectory } from "./places.ts";

const record: AccessRecord = {
  client: { address: "::1" },
  connection: {},
  method: "GET",
  target: "/",
  httpVersion: "1.1",
  header: () => undefined,
  status: 200,
  bodyBytes: 5,
  responseHeader: () => undefined,
};

test("a finished exchange is a line", (t) => {
  const target = path.join(temporaryDirectory(t), "access.log");
  const log = createAccessLog({ target, format: '%(h)s "%(r)s" %(s)s %(b)s %(D)s' });
  log.write(record, 1.5);
  log.write({ ...record, status: 404 }, 2);
  log.close();
  assert.deepEqual(linesOf(target), ['::1 "GET / HTTP/1.1" 200 5 1500', '::1 "GET / HTTP/1.1" 404 5 2000']);
  assert.deepEqual(log.needs, { client: true, bodyBytes: true, duration: true });
});

test("an exchange is a record as it is", () => {
  const log = createAccessLog({ target: "/dev/null", format: "%(h)s" });
  const write: (exchange: Exchange, durationMs: number) => void = log.write;
  log.close();
  assert.equal(typeof write, "function");
});

test("a record that throws costs its line and a warning", (t) => {
  const target = path.join(temporaryDirectory(t), "access.log");
  const warnings: string[] = [];
  const log = createAccessLog({ target, format: "%(a)s", warn: (message) => warnings.push(message) });
  log.write(
    {
      ...record,
      header() {
        throw new Error("gone");
      },
    },
    1,
  );
  log.write(record, 1);
  log.close();
  assert.deepEqual(linesOf(target), ["-"]);
  assert.deepEqual(warnings, ["accesslog: a line could not be made: Error: gone"]);
});

test("a wrong format is refused before the file is made", (t) => {
  const target = path.join(temporaryDirectory(t), "access.log");
  assert.throws(() => createAccessLog({ target, format: "%(x)s" }), /unknown atom %\(x\)s/);
  assert.throws(() => linesOf(target), /ENOENT/);
});
