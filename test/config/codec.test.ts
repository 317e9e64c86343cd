import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress, parseAddress } from "../../src/config/address.ts";
import { type Codec, int, oneOf, seconds, show, string, umask } from "../../src/config/codec.ts";
import { headers, variables } from "../../src/config/codec-lists.ts";
import { settings } from "../../src/config/settings/index.ts";

const parsed = <T>(codec: Codec<T>, text: string) => {
  const read = codec.parse([text]);
  return read.ok ? read.value : read.what;
};
const accepted = <T>(codec: Codec<T>, value: unknown) => {
  const read = codec.accept(value);
  return read.ok ? read.value : read.what;
};

test("whole numbers", () => {
  const codec = int({ min: 0, max: 10 });
  assert.equal(parsed(codec, "10"), 10);
  for (const text of ["", " ", "11", "-1", "1.5", "1e1", "0x1", "ten", "9007199254740993"]) {
    assert.equal(parsed(codec, text), `expected a whole number from 0 to 10, got "${text}"`);
  }
  for (const value of [true, null, Number.NaN, 1.5, [], {}, Number.POSITIVE_INFINITY]) {
    assert.match(String(accepted(codec, value)), /^expected a whole number from 0 to 10, got /);
  }
  assert.equal(accepted(codec, "7"), 7);
});

test("seconds take fractions, and no more than a timer can wait", () => {
  assert.equal(parsed(seconds(), "0.2"), 0.2);
  assert.equal(parsed(seconds(), ".5"), 0.5);
  for (const text of ["-1", "1s", "", "Infinity", "2147484", "1e3"]) {
    assert.match(String(parsed(seconds(), text)), /^expected a number of seconds >= 0/);
  }
});

test("masks are octal where Gunicorn's are", () => {
  const cases = { "022": 18, "0o22": 18, "18": 18, "0x12": 18, "0": 0, "00": 0 };
  for (const [text, value] of Object.entries(cases)) assert.equal(parsed(umask(), text), value, text);
  for (const text of ["01000", "-1", "089", "0o8", "rwx", "512"]) {
    assert.match(String(parsed(umask(), text)), /^expected a file mode mask/, text);
  }
});

test("words are found in any case, and JavaScript values may stand for them", () => {
  const codec = oneOf(["off", "on"], { same: new Map([[true, "on"]] as const) });
  assert.equal(parsed(codec, "ON"), "on");
  assert.equal(accepted(codec, true), "on");
  assert.equal(accepted(codec, 1), "expected one of off, on, got 1");
});

test("text has no NUL, and may have to be something", () => {
  assert.equal(parsed(string(), ""), "");
  assert.equal(parsed(string({ expected: "a path" }), ""), 'expected a path, got ""');
  assert.match(String(parsed(string(), "a\0b")), /^expected text/);
});

test("addresses", () => {
  const same = [
    "127.0.0.1:80",
    "localhost:0",
    "[::1]:65535",
    "unix:/a/b",
    "unix:rel.sock",
    "fd://0",
    "fd://app.socket",
    "https://h:1",
  ];
  for (const text of same) assert.equal(formatAddress(parseAddress(text) ?? assert.fail(text)), text);
  const cases = {
    ":8000": "0.0.0.0:8000",
    "8000": "127.0.0.1:8000",
    "example.test": "example.test:8000",
    "[::]": "[::]:8000",
    "unix:///run/a": "unix:/run/a",
    "tcp://h:1": "h:1",
    "http://h:1/": "http://h:1",
    "uwsgi://:3031": "uwsgi://0.0.0.0:3031",
    "fastcgi://unix:/run/a/": "fastcgi://unix:/run/a/",
    "scgi://fd://3": "scgi://fd://3",
  };
  for (const [text, want] of Object.entries(cases)) {
    assert.equal(formatAddress(parseAddress(text) ?? assert.fail(text)), want);
  }
  const wrong = [
    "",
    "h:65536",
    "h:-1",
    "h:port",
    "::1",
    "[::1",
    "[h]:1",
    "1.2.3:4",
    "300.1.1.1:80",
    "a b:1",
    "a:1:2",
    "unix:",
    "fd://",
    "fd://a:b",
    "fd://-1",
    `unix:/${"x".repeat(107)}`,
    "ftp://h:1",
    "h:1/path",
  ];
  for (const text of wrong) assert.equal(parseAddress(text), undefined, text);
});

test("a list of addresses in a file: text, a number, a list of both", () => {
  const { codec } = settings.bind;
  const tcp = (port: number) => ({ kind: "tcp", host: "127.0.0.1", port });
  assert.deepEqual(accepted(codec, 9000), [tcp(9000)]);
  assert.deepEqual(accepted(codec, "9000, 9001"), [tcp(9000), tcp(9001)]);
  assert.deepEqual(accepted(codec, [9000, "9001"]), [tcp(9000), tcp(9001)]);
  assert.equal(accepted(codec, []), "expected at least one address, got []");
  assert.match(String(accepted(codec, [9000, {}])), /^expected an address .* got \{\}$/);
});

test("a path that is too long for a Unix socket is told as such", () => {
  const long = `/${"x".repeat(119)}`;
  const what = /^expected a path of at most 107 bytes for a Unix socket, got "\S*unix:/;
  for (const text of [`unix:${long}`, `unix://${long}`, `uwsgi://unix:${long}`, `unix:${"é".repeat(54)}`]) {
    assert.match(String(accepted(settings.bind.codec, text)), what, text);
  }
  assert.match(String(accepted(settings.syslogAddr.codec, `unix://${long}`)), what);
  assert.match(String(accepted(settings.bind.codec, "unix:")), /^expected an address/);
});

test("networks", () => {
  const { codec } = settings.forwardedAllowIps;
  for (const text of ["*", "10.0.0.0/8", "::/0", "fe80::1", ""]) assert.ok(codec.parse([text]).ok, text);
  for (const text of ["10.0.0.0/33", "localhost", "1.2.3.4/", "1.2.3.4/8/8", "::/129"]) {
    assert.ok(!codec.parse([text]).ok, text);
  }
});

test("headers are kept in upper case; names and values are checked", () => {
  assert.deepEqual(accepted(headers(), { "x-a": "on" }), { "X-A": "on" });
  for (const value of [{ "x a": "on" }, { a: 1 }, { a: "" }, [], null, 3]) {
    assert.match(String(accepted(headers(), value)), /^expected header names/);
  }
});

test("variables: pairs, or an object in a file", () => {
  assert.deepEqual(accepted(variables(), { A: 1, B: "x" }), ["A=1", "B=x"]);
  assert.equal(parsed(variables(), "A"), 'expected KEY=VALUE, got "A"');
  assert.equal(accepted(variables(), { A: true }), "expected text for A, got true");
  assert.equal(parsed(variables(), "=x"), 'expected KEY=VALUE, got "=x"');
});

test("values in messages are cut and never throw", () => {
  const circle: { self?: unknown } = {};
  circle.self = circle;
  assert.equal(show(circle), "an object");
  assert.equal(show("x".repeat(200)).length, 80);
  assert.equal(show(undefined), "undefined");
  assert.equal(
    show(() => {}),
    "a function",
  );
});
