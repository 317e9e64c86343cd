import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import net from "node:net";
import { test } from "node:test";
import { ServerError } from "../../src/errors.ts";
import { adapt } from "../../src/interfaces/adapt.ts";
import { detect } from "../../src/interfaces/detect.ts";
import { INTERFACE, wsgi } from "../../src/interfaces/wsgi.ts";

const two = (_a: unknown, _b: unknown): void => {};

for (const [what, app, kind] of [
  ["a function of two arguments", two, "node"],
  ["a function of environ and startResponse", (_environ: unknown, _startResponse: unknown) => [], "wsgi"],
  [
    "a method of environ and start_response",
    {
      app(environ: 1, start_response: 2) {
        return [environ, start_response];
      },
    }.app,
    "wsgi",
  ],
  ["a function of environ and something else", (_environ: unknown, _response: unknown) => [], "node"],
  ["an object with fetch", { fetch: () => {} }, "fetch"],
  ["wsgi()", wsgi(() => []), "wsgi"],
  [
    "a function marked by another copy of this package",
    Object.assign(() => {}, { [Symbol.for("tgunicorn.interface")]: "wsgi" }),
    "wsgi",
  ],
  ["what looks like Express", Object.assign((_a: 1, _b: 2, _c: 3) => {}, { handle() {}, use() {} }), "node"],
  ["what looks like Koa", { callback() {}, use() {}, middleware: [] }, "koa"],
  ["what looks like Fastify", { ready() {}, routing() {}, inject() {} }, "fastify"],
  ["a server that does not listen", createServer(), "server"],
  ["what looks like Nest", { init() {}, getHttpAdapter() {}, use() {} }, "nest"],
] as const) {
  test(`${what} is ${kind}`, () => assert.equal(detect(app).kind, kind));
}

for (const [what, app, wanted] of [
  [
    "three arguments",
    (_a: 1, _b: 2, _c: 3) => {},
    /not called scope, receive and send.*--interface asgi.*--interface node/,
  ],
  [
    "a future mark",
    Object.assign(two.bind(null), { [INTERFACE]: "rsgi" }),
    /'rsgi', which is not served yet/,
  ],
  [
    "one argument",
    function handler(_request: 1) {},
    /the function handler of 1 argument, .*\{ fetch: handler \} or say --interface fetch/,
  ],
  ["no argument", () => {}, /have it called: module:name\(\)/],
  ["a class", class App {}, /the class App\. Make an instance/],
  ["a plain object", { a: 1 }, /is \{ a: 1 \}\. Export one of/],
  [
    "a server that listens",
    Object.defineProperty(createServer(), "listening", { value: true }),
    /listens by itself\. Leave listen\(\) out/,
  ],
  ["a server of another protocol", net.createServer(), /another kind can't be served/],
  ["a number", 1, /is 1\. Export one of/],
  ["a string", "app", /is 'app'\./],
  ["a promise", Promise.resolve(two), /Await it/],
] as const) {
  test(`${what} is refused with what to write`, () => {
    assert.throws(
      () => detect(app),
      (error) => {
        assert.ok(error instanceof ServerError);
        assert.deepEqual([error.code, error.exitStatus], ["APP_SHAPE", 4]);
        assert.match(error.message, wanted);
        return true;
      },
    );
  });
}

const context = { log: { debug() {}, warning() {}, error() {} }, multiprocess: false };

test("an interface that was told takes a bare function as it is", async () => {
  const bare = (...args: unknown[]): unknown => args;
  for (const name of ["node", "fetch", "wsgi"] as const) {
    assert.equal(typeof (await adapt(bare, name, context)).handle, "function");
  }
});

test("an interface that does not fit is refused", async () => {
  for (const [app, name] of [
    [{ fetch() {} }, "node"],
    [{ callback() {}, use() {}, middleware: [] }, "fetch"],
    [{}, "wsgi"],
  ] as const) {
    await assert.rejects(adapt(app, name, context), {
      code: "APP_SHAPE",
      message: new RegExp(`--interface ${name}`),
    });
  }
});

test("a framework's application that does not start is told with the reason", async () => {
  const app = {
    ready: async () => {
      throw new Error("plugin failed");
    },
    routing: (_req: IncomingMessage, _res: ServerResponse) => {},
    inject() {},
  };
  await assert.rejects(adapt(app, "auto", context), {
    code: "APP_FAILED",
    exitStatus: 4,
    message: /plugin failed\n.*detect\.test/,
  });
});
