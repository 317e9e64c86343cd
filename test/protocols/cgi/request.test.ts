import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CgiRequest, compileReader } from "../../../src/protocols/cgi/request.ts";

const LIMITS = { limitRequestLine: 4094, limitRequestFields: 100, limitRequestFieldSize: 8190, rootPath: "" };
const PEER = { address: "127.0.0.1", port: 9 };

type Variables = Readonly<Record<string, string>>;

const USUAL: Variables = { REQUEST_METHOD: "GET", REQUEST_URI: "/a%20b?c=d" };

function read(variables: Variables | readonly string[], limits: Partial<typeof LIMITS> = {}): CgiRequest {
  const pairs = Array.isArray(variables) ? variables : Object.entries({ ...USUAL, ...variables }).flat();
  const request = compileReader({ ...LIMITS, ...limits })(pairs, PEER);
  if ("reason" in request) throw new Error(`${request.status} ${request.reason}`);
  return request;
}

describe("a request from CGI's variables", () => {
  it("has the header fields, and none of the client's connection", () => {
    const { rawHeaders } = read({
      HTTP_HOST: "a",
      HTTP_ACCEPT_LANGUAGE: "de",
      HTTP_CONNECTION: "close",
      HTTP_TRANSFER_ENCODING: "chunked",
      HTTP_CONTENT_LENGTH: "7",
      CONTENT_TYPE: "text/plain",
      CONTENT_LENGTH: "5",
    });
    assert.deepEqual(rawHeaders, [
      "Host",
      "a",
      "Accept-Language",
      "de",
      "Content-Type",
      "text/plain",
      "Content-Length",
      "5",
    ]);
  });

  it("has the scheme that the front tells, and not what a client claims", () => {
    const cases: readonly (readonly [Variables, string])[] = [
      [{}, "http"],
      [{ HTTPS: "on" }, "https"],
      [{ HTTPS: "off" }, "http"],
      [{ REQUEST_SCHEME: "https" }, "https"],
      [{ UWSGI_SCHEME: "https" }, "https"],
      [{ HTTP_X_FORWARDED_PROTO: "https", REQUEST_SCHEME: "http" }, "http"],
    ];
    for (const [variables, scheme] of cases) assert.equal(read(variables).scheme, scheme);
  });

  it("has the client that the front tells, or else the peer", () => {
    const client = (variables: Variables): unknown => read(variables).client;
    assert.deepEqual(client({ REMOTE_ADDR: "::1", REMOTE_PORT: "80" }), { address: "::1", port: 80 });
    assert.deepEqual(client({ REMOTE_ADDR: "192.0.2.1" }), { address: "192.0.2.1", port: undefined });
    assert.deepEqual(client({ REMOTE_ADDR: "unix:" }), { address: "", port: undefined });
    assert.deepEqual(client({}), PEER);
  });

  it("has the version of the client's HTTP", () => {
    const versions = ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/2", "INCLUDED"].map(
      (SERVER_PROTOCOL) => read({ SERVER_PROTOCOL }).httpVersion,
    );
    assert.deepEqual(versions, ["1.0", "1.1", "2.0", "2", "1.1"]);
  });

  it("makes the target where the front sends only its parts", () => {
    const { target } = read([
      "REQUEST_METHOD",
      "GET",
      "SCRIPT_NAME",
      "/a",
      "PATH_INFO",
      "/b c%",
      "QUERY_STRING",
      "d=e",
    ]);
    assert.equal(target, "/a/b%20c%25?d=e");
  });

  const refused: readonly (readonly [string, Variables, RegExp, Partial<typeof LIMITS>?])[] = [
    ["no method", { REQUEST_METHOD: "" }, /400 No REQUEST_METHOD/],
    ["a method that is none", { REQUEST_METHOD: "G T" }, /400/],
    ["no target", { REQUEST_URI: "" }, /400 No REQUEST_URI/],
    ["a target with a line break", { REQUEST_URI: "/\r\n" }, /400/],
    ["a header with a line break", { HTTP_X: "a\r\nb: c" }, /400 Line break in HTTP_X/],
    ["a length that is none", { CONTENT_LENGTH: "-1" }, /400 Invalid CONTENT_LENGTH/],
    ["a long line", { REQUEST_URI: `/${"x".repeat(4094)}` }, /414/],
    ["a large field", { HTTP_X: "x".repeat(8190) }, /431/],
    ["many fields", { HTTP_A: "", HTTP_B: "", HTTP_C: "" }, /431/, { limitRequestFields: 2 }],
  ];
  for (const [what, variables, message, limits] of refused) {
    it(`is refused for ${what}`, () => assert.throws(() => read(variables, limits), { message }));
  }

  it("is refused for lengths that contradict each other", () => {
    const pairs = ["REQUEST_METHOD", "GET", "REQUEST_URI", "/", "CONTENT_LENGTH", "1", "CONTENT_LENGTH", "2"];
    assert.throws(() => read(pairs), { message: /Contradictory/ });
  });

  it("has no limits where they are 0", () => {
    const limits = { limitRequestLine: 0, limitRequestFields: 0, limitRequestFieldSize: 0 };
    assert.equal(
      read({ REQUEST_URI: `/${"x".repeat(9_000)}`, HTTP_X: "x".repeat(9_000) }, limits).method,
      "GET",
    );
  });
});

describe("where an application is mounted", () => {
  const uri = "/app/caf%C3%A9";
  const decoded = "/app/caf\u00c3\u00a9";
  const cases: readonly (readonly [string, readonly string[], string, string])[] = [
    ["nginx's uwsgi_params", ["PATH_INFO", decoded], "", "/app/café"],
    ["uwsgi_params and SCRIPT_NAME", ["PATH_INFO", decoded, "SCRIPT_NAME", "/app"], "/app", "/café"],
    ["nginx's scgi_params", ["DOCUMENT_URI", decoded], "", "/app/café"],
    ["scgi_params and SCRIPT_NAME", ["DOCUMENT_URI", decoded, "SCRIPT_NAME", "/app"], "/app", "/café"],
    ["nginx's fastcgi_params", ["SCRIPT_NAME", decoded, "DOCUMENT_URI", decoded], "", "/app/café"],
    [
      "fastcgi_params and SCRIPT_NAME",
      ["SCRIPT_NAME", decoded, "DOCUMENT_URI", decoded, "SCRIPT_NAME", "/app"],
      "/app",
      "/café",
    ],
    ["Apache", ["SCRIPT_NAME", decoded, "SCRIPT_FILENAME", "proxy:fcgi://a/"], "", "/app/café"],
    ["CGI proper", ["SCRIPT_NAME", "/app", "PATH_INFO", "/caf\u00c3\u00a9"], "/app", "/café"],
    ["CGI at the mount itself", ["SCRIPT_NAME", decoded, "PATH_INFO", ""], "/app/café", ""],
    ["a mount with a slash at its end", ["SCRIPT_NAME", "/app/"], "/app", "/café"],
    ["a SCRIPT_NAME of elsewhere", ["SCRIPT_NAME", "/ap"], "", "/app/café"],
    [
      "uwsgi_params and a SCRIPT_NAME of elsewhere",
      ["PATH_INFO", decoded, "SCRIPT_NAME", "/ap"],
      "",
      "/app/café",
    ],
    [
      "scgi_params at the mount itself",
      ["SCGI", "1", "DOCUMENT_URI", decoded, "SCRIPT_NAME", decoded],
      "/app/café",
      "",
    ],
  ];
  for (const [front, pairs, scriptName, pathInfo] of cases) {
    it(`is told by ${front}`, () => {
      const request = read(["REQUEST_METHOD", "GET", "REQUEST_URI", uri, ...pairs]);
      assert.deepEqual([request.scriptName, request.pathInfo], [scriptName, pathInfo]);
    });
  }

  it("is rootPath where no front tells", () => {
    const request = read({ REQUEST_URI: "/app/x" }, { rootPath: "/app" });
    assert.deepEqual([request.scriptName, request.pathInfo], ["/app", "/x"]);
  });
});
