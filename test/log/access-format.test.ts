import assert from "node:assert/strict";
import { test } from "node:test";
import { ServerError } from "../../src/errors.ts";
import { type AccessRecord, compileAccessFormat } from "../../src/log/access-log.ts";

type Headers = Readonly<Record<string, string>>;
type Changes = Partial<AccessRecord> & { readonly request?: Headers; readonly response?: Headers };

function record({ request = {}, response = {}, ...changes }: Changes = {}): AccessRecord {
  return {
    client: { address: "203.0.113.7", port: 4711 },
    connection: { local: { address: "192.0.2.1", port: 8000 } },
    method: "GET",
    target: "/a%20b/?x=1&y=%22",
    httpVersion: "1.1",
    scheme: "http",
    header: (name) => (Object.hasOwn(request, name) ? request[name] : undefined),
    status: 200,
    bodyBytes: 12,
    responseHeader: (name) => (Object.hasOwn(response, name) ? response[name] : undefined),
    ...changes,
  };
}

const show = (format: string, changes: Changes = {}, durationMs = 0): string =>
  compileAccessFormat(format).line(record(changes), durationMs);

const basic = (credentials: string): Changes => ({
  request: { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` },
});

test("the default format", () => {
  const line = show('%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"', {
    request: { "user-agent": "curl/8", referer: "http://x/" },
  });
  const [before, stamp, after] = line.split(/(\[.*\])/);
  assert.equal(before, "203.0.113.7 - - ");
  assert.match(stamp ?? "", /^\[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]$/);
  assert.equal(after, ' "GET /a%20b/?x=1&y=%22 HTTP/1.1" 200 12 "http://x/" "curl/8"');
});

const table: [format: string, expected: string, changes?: Changes][] = [
  ["%(h)s", "203.0.113.7"],
  ["%(h)s", "-", { client: { address: "" } }],
  ["%(h)s|", "a\\x20[x]|", { client: { address: "a [x]" } }],
  ["%(l)s", "-"],
  ["%(u)s", "-"],
  ["%(u)s", "ann", basic("ann:secret")],
  ["%(u)s", "žofie", basic("žofie:")],
  ["%(u)s", 'a\\x20[b]\\x0A\\"', basic('a [b]\n":x')],
  ["%(u)s", "-", basic(":secret")],
  ["%(u)s", "ann", { request: { authorization: "bAsIc YW5uOng=" } }],
  ["%(u)s", "-", { request: { authorization: "Basic ***" } }],
  ["%(u)s", "-", { request: { authorization: "Basic //8=" } }],
  ["%(u)s", "-", { request: { authorization: "Bearer YW5uOng=" } }],
  ["%(r)s", "GET /a%20b/?x=1&y=%22 HTTP/1.1"],
  ["%(r)s", 'GET /\\"\\x0A HTTP/1.0', { target: '/"\n', httpVersion: "1.0" }],
  ["%(m)s %(H)s", "GET HTTP/1.1"],
  ["%(U)s", "/a b/"],
  ["%(U)s", "/é\\x0A\\xC2\\x9B", { target: "/%C3%A9%0a%C2%9b" }],
  ["%(U)s", "/\\xE9%zz", { target: "/%E9%zz" }],
  ["%(U)s %(q)s", "/p q=1", { target: "http://host:1/p?q=1#f?g" }],
  ["%(U)s|%(q)s", "/p|", { target: "/p#f?g" }],
  ["%(U)s|%(q)s", "*|", { target: "*" }],
  ["%(U)s", "/inside", { environ: { PATH_INFO: "/inside" } }],
  ["%(q)s", "x=1&y=%22"],
  ["%(q)s", "", { target: "/" }],
  ["%(s)s", "404", { status: 404 }],
  ["%(s)s", "-", { status: 0 }],
  ["%(b)s %(B)s %(B)d", "12 12 12"],
  ["%(b)s %(B)s", "0 0", { bodyBytes: 0 }],
  ['"%(f)s" "%(a)s"', '"-" "-"'],
  ['"%(f)s" "%(a)s"', '"" "a\\"b"', { request: { referer: "", "user-agent": 'a"b' } }],
  ["%(p)s", `<${process.pid}>`],
  ["%(trace_id)s %(span_id)s", "- -"],
  [
    "%(trace_id)s %(span_id)s",
    "0af7651916cd43dd8448eb211c80319c b7ad6b7169203331",
    { request: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } },
  ],
  ["%({X-Id}i)s %({x-id}I)s", "7 7", { request: { "x-id": "7" } }],
  ["%({x-id}i)s", "-"],
  ["%({Content-Type}o)s", "text/plain; x=\\x5C", { response: { "content-type": "text/plain; x=\\" } }],
  ["%({content-type}o)s", "-"],
  ["%({REMOTE_ADDR}e)s:%({REMOTE_PORT}e)s", "203.0.113.7:4711"],
  ["%({SERVER_NAME}e)s:%({server_port}e)s", "192.0.2.1:8000"],
  ["%({REQUEST_METHOD}e)s %({RAW_URI}e)s", "GET /a%20b/?x=1&y=%22"],
  ["%({PATH_INFO}e)s?%({QUERY_STRING}e)s", "/a b/?x=1&y=%22"],
  ["%({SERVER_PROTOCOL}e)s %({wsgi.url_scheme}e)s", "HTTP/1.1 http"],
  ["%({HTTP_X_ID}e)s", "7", { request: { "x-id": "7" } }],
  ["%({HOME}e)s %({toString}e)s %({constructor}e)s", "- - -"],
  ["%({user.id}e)s", "42", { environ: { "user.id": 42 } }],
  ["%({USER.ID}e)s", "42", { environ: { "User.Id": 42 } }],
  ["%({REMOTE_ADDR}e)s", "-", { environ: {} }],
  ["%({wsgi.input}e)s", "-", { environ: { "wsgi.input": {} } }],
  ["100%% %(s)s%%", "100% 200%"],
  ["no atoms", "no atoms"],
  ["", ""],
  ["[%(s)5s] [%(s)-5s] [%(r).3s]", "[  200] [200  ] [GET]"],
  ["[%(B)05d] [%(B)-5d] [%(B)+d] [%(B).4d] [%(B)+05d]", "[00012] [12   ] [+12] [0012] [+0012]"],
  ["[%(l)3s]", "[  -]"],
];

for (const [format, expected, changes] of table) {
  test(`${format} of ${JSON.stringify(changes ?? {})}`, () => assert.equal(show(format, changes), expected));
}

test("durations in seconds, milliseconds and microseconds", () => {
  const durations = "%(T)s %(M)s %(D)s %(L)s";
  assert.equal(show(durations, {}, 1234.5678), "1 1234 1234568 1.234568");
  assert.equal(show(durations, {}, 0.0004), "0 0 0 0.000000");
  assert.equal(show(durations, {}, 61_000), "61 61000 61000000 61.000000");
  assert.equal(show(durations, {}, -1), "0 0 0 0.000000");
  assert.equal(show(durations, {}, Number.NaN), "0 0 0 0.000000");
  assert.equal(show("%(M)6d|%(T)02d", {}, 1500), "  1500|01");
});

test("a format says what it needs", () => {
  const nothing = { client: false, bodyBytes: false, duration: false };
  assert.deepEqual(compileAccessFormat("%(s)s").needs, nothing);
  assert.deepEqual(compileAccessFormat("%(h)s %(s)s").needs, { ...nothing, client: true });
  assert.deepEqual(compileAccessFormat("%({REMOTE_ADDR}e)s").needs, { ...nothing, client: true });
  assert.deepEqual(compileAccessFormat("%(b)s").needs, { ...nothing, bodyBytes: true });
  for (const atom of ["T", "D", "M", "L"]) {
    assert.deepEqual(compileAccessFormat(`%(${atom})s`).needs, { ...nothing, duration: true });
  }
});

const wrong: [format: string, message: RegExp][] = [
  ["%(h)s %(z)s", /accessLogFormat: unknown atom %\(z\)s; known are h l u t/],
  ["%(toString)s", /unknown atom %\(toString\)s/],
  ["%({x-id}z)s", /unknown atom %\(\{x-id\}z\)s/],
  ["%({}i)s", /unknown atom/],
  ["%h %s", /"%h %s" is not %\(atom\)s; write %%/],
  ["100%", /"%" is not %\(atom\)s/],
  ["%(h)", /"%\(h\)" is not/],
  ["%(h)d", /%\(h\)d is text, not a number/],
  ["%(D)f", /%\(D\)f ends with "f"; use s, or d for a number/],
  ["%(h)s\n", /single line/],
];

for (const [format, message] of wrong) {
  test(`${JSON.stringify(format)} is refused`, () => {
    assert.throws(
      () => compileAccessFormat(format),
      (error) =>
        error instanceof ServerError && error.code === "ACCESS_LOG_FORMAT" && message.test(error.message),
    );
  });
}
