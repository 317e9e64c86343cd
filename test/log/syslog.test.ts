import assert from "node:assert/strict";
import net from "node:net";
import path from "node:path";
import { type TestContext, test } from "node:test";
import type { RemoteAddress } from "../../src/config/config.ts";
import type { Outlet } from "../../src/log/remote/outlet.ts";
import { openSyslog, type SyslogSettings, syslogEncoder, syslogSink } from "../../src/log/syslog.ts";
import { freePort } from "../peers/port.ts";
import { listenStream, listenUdp, splitCounted, splitLines } from "./listeners.ts";
import { temporaryDirectory } from "./places.ts";

const settings: SyslogSettings = {
  syslog: true,
  syslogAddr: { kind: "udp", host: "127.0.0.1", port: 514 },
  syslogPrefix: null,
  syslogFacility: "user",
  syslogFormat: "rfc3164",
  disableRedirectAccessToSyslog: false,
  logFormat: "text",
  procName: null,
  app: "app.mjs:app",
};
const at = (changes: Partial<SyslogSettings>): SyslogSettings => ({ ...settings, ...changes });
/** A local time, as RFC 3164 has it. */
const NOVEMBER = new Date(2026, 10, 1, 9, 8, 7, 6).getTime();

function encoded(
  changes: Partial<SyslogSettings>,
  text = "hello",
  level: Parameters<ReturnType<typeof syslogEncoder>>[0] = "info",
): string {
  return syslogEncoder(at(changes), "error", 41, "web-1.example.test")(level, NOVEMBER, text);
}

test("RFC 3164: priority, time, host, program and process", () => {
  assert.equal(encoded({}), "<14>Nov  1 09:08:07 web-1 gunicorn.app.mjs.app.error[41]: hello");
});

test("RFC 5424: the same in its form", () => {
  const stamp = new Date(NOVEMBER).toISOString();
  assert.equal(
    encoded({ syslogFormat: "rfc5424" }),
    `<14>1 ${stamp} web-1.example.test gunicorn.app.mjs.app.error 41 - - hello`,
  );
});

test("on a Unix socket the host is not named", () => {
  const message = encoded({ syslogAddr: { kind: "unix", path: "/run/log" } });
  assert.equal(message, "<14>Nov  1 09:08:07 gunicorn.app.mjs.app.error[41]: hello");
});

for (const [facility, level, priority] of [
  ["kern", "critical", 2],
  ["user", "error", 11],
  ["daemon", "warning", 28],
  ["authpriv", "info", 86],
  ["security", "info", 38],
  ["local7", "debug", 191],
] as const) {
  test(`${facility} and ${level} are <${priority}>`, () => {
    assert.ok(encoded({ syslogFacility: facility }, "x", level).startsWith(`<${priority}>`));
  });
}

test("a name can't be anything but a name", () => {
  const named = (syslogPrefix: string): string =>
    / (gunicorn\S*) /.exec(encoded({ syslogPrefix, syslogFormat: "rfc5424" }))?.[1] ?? "";
  assert.equal(named("web"), "gunicorn.web.error");
  assert.equal(named("../a b[1]: <0>\n"), "gunicorn.a.b.1.0..error");
  assert.equal(named("é".repeat(5)), "gunicorn..error");
  assert.equal(named("x".repeat(100)), `gunicorn.${"x".repeat(32)}.error`);
});

test("a message of several lines is one message, and no message is too long", () => {
  assert.ok(encoded({}, "one\ntwo").endsWith(": one\\x0Atwo"));
  assert.ok(encoded({ syslogFormat: "rfc5424" }, "one\ntwo").endsWith("- - one\ntwo"));
  const long = encoded({}, "é".repeat(10_000));
  assert.ok(Buffer.byteLength(long) <= 8192 && Buffer.byteLength(long) > 8180);
  assert.doesNotMatch(long, /\ufffd/);
});

test("what a client sends can't begin a message of its own", () => {
  const written: string[] = [];
  const sink = syslogSink(settings, { pid: 41 }, { write: (text) => written.push(text), flush() {} });
  sink.write({ time: NOVEMBER, level: "error", message: "bad\r\n<0>Nov  1 forged\0", stack: "Error\n at x" });
  assert.equal(written.length, 1);
  assert.ok(written[0]?.endsWith(": bad\\x0D\\x0A<0>Nov  1 forged\\x00\\x0AError\\x0A at x"));
  const json = syslogSink(
    at({ logFormat: "json" }),
    { pid: 41 },
    { write: (text) => written.push(text), flush() {} },
  );
  json.write({ time: NOVEMBER, level: "error", message: "bad\n" });
  const parsed: unknown = JSON.parse(written[1]?.replace(/^.*?\]: /, "") ?? "");
  assert.ok(
    typeof parsed === "object" && parsed !== null && "message" in parsed && parsed.message === "bad\n",
  );
});

function open(
  t: TestContext,
  syslogAddr: RemoteAddress,
  changes: Partial<SyslogSettings> = {},
): { readonly outlet: Outlet; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const outlet = openSyslog(at({ syslogAddr, ...changes }), (message) => warnings.push(message));
  t.after(outlet.close);
  return { outlet, warnings };
}

test("over UDP each message is a datagram", async (t) => {
  const daemon = await listenUdp(t);
  const { outlet, warnings } = open(t, { kind: "udp", host: "127.0.0.1", port: daemon.port });
  outlet.write("one");
  outlet.write("two\nlines");
  await outlet.settle();
  await daemon.saw((message) => message === "two\nlines");
  assert.deepEqual(daemon.messages, ["one", "two\nlines"]);
  assert.deepEqual(warnings, []);
});

for (const [format, split] of [
  ["rfc3164", splitLines],
  ["rfc5424", splitCounted],
] as const) {
  test(`over TCP and Unix stream sockets messages are framed: ${format}`, async (t) => {
    const file = path.join(temporaryDirectory(t), "log");
    const tcp = await listenStream(t, split, { port: 0 });
    const unix = await listenStream(t, split, { path: file });
    for (const [daemon, address] of [
      [tcp, { kind: "tcp", host: "127.0.0.1", port: tcp.port }],
      [unix, { kind: "unix", path: file }],
    ] as const) {
      const { outlet } = open(t, address, { syslogFormat: format });
      outlet.write("é one");
      outlet.write("two");
      await outlet.settle();
      await daemon.saw((message) => message === "two");
      assert.deepEqual(daemon.messages, ["é one", "two"]);
      assert.equal(outlet.lost, 0);
    }
  });
}

test("a daemon that comes later gets what has waited, and one that restarts is found again", async (t) => {
  const port = await freePort();
  const { outlet, warnings } = open(t, { kind: "tcp", host: "127.0.0.1", port });
  outlet.write("waits");
  await outlet.settle();
  assert.match(
    warnings[0] ?? "",
    /^syslog tcp:\/\/127\.0\.0\.1:\d+: connection refused; lines wait in memory$/,
  );
  const second = await listenStream(t, splitLines, { port });
  await second.saw((message) => message === "waits");
  second.dropAll();
  // What is written before the break is noticed may be lost: that is TCP. It goes on afterwards.
  let n = 0;
  const writing = setInterval(() => {
    outlet.write(`again ${n++}`);
    outlet.flush();
  }, 5);
  await second.saw((message) => message.startsWith("again"));
  clearInterval(writing);
});

test("what a dead daemon can't take is bounded, counted and told once", async (t) => {
  const port = await freePort();
  for (const kind of ["tcp", "udp"] as const) {
    const { outlet, warnings } = open(t, { kind, host: "127.0.0.1", port });
    const line = "x".repeat(1000);
    for (let i = 0; i < 2000; i++) outlet.write(line);
    await outlet.settle();
    for (let i = 0; i < 2000; i++) outlet.write(line);
    assert.ok(outlet.lost >= 1900, `${kind}: ${outlet.lost}`);
    assert.ok(warnings.length <= 1, warnings.join("\n"));
    outlet.close();
    assert.match(warnings.at(-1) ?? "", /connection refused|it takes no more|lines lost/);
  }
});

test("a daemon that does not read makes nobody wait", async (t) => {
  const server = net.createServer((socket) => socket.pause());
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.on("listening", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const accepted = new Promise<net.Socket>((resolve) => server.on("connection", resolve));
  const { outlet } = open(t, { kind: "tcp", host: "127.0.0.1", port });
  t.after(async () => {
    (await accepted).destroy();
    server.close();
  });
  outlet.write("first");
  outlet.flush();
  await accepted;
  const line = "x".repeat(1000);
  let longest = 0;
  for (let i = 0; i < 30_000; i++) {
    const before = performance.now();
    outlet.write(line);
    longest = Math.max(longest, performance.now() - before);
    if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(outlet.lost > 10_000, String(outlet.lost));
  assert.ok(longest < 500, `a write took ${longest} ms`);
});
