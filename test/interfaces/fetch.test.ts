import assert from "node:assert/strict";
import { once } from "node:events";
import { createReadStream, openAsBlob, readFileSync } from "node:fs";
import net from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setImmediate as tick } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { FetchEnv } from "../../src/interfaces/fetch.ts";
import { interfaceContract, PIECE, type Stage } from "../contract/interface.ts";
import { latch, serve } from "./serve.ts";

function make(stage: Stage) {
  const encoder = new TextEncoder();
  return {
    async fetch(request: Request): Promise<Response> {
      switch (new URL(request.url).pathname) {
        case "/hello":
          return new Response("hello", { headers: { "X-One": "1" } });
        case "/echo":
          return new Response(request.body ?? "");
        case "/count":
          return new Response(String((await request.arrayBuffer()).byteLength));
        case "/headers": {
          const headers = new Headers([
            ["Set-Cookie", "a=1"],
            ["Set-Cookie", "b=2"],
          ]);
          return new Response(request.headers.get("x-in"), { headers });
        }
        case "/empty":
          return new Response(null, { status: 204 });
        case "/teapot":
          return new Response(null, { status: 418 });
        case "/stream":
          return new Response(
            new ReadableStream({
              async start(controller) {
                controller.enqueue(encoder.encode("first"));
                await stage.released;
                controller.enqueue(encoder.encode("second"));
                controller.close();
              },
            }),
          );
        case "/throw":
          throw new Error("thrown by the application");
        case "/reject":
          await Promise.resolve();
          throw new Error("thrown by the application");
        case "/half":
          return new Response(
            new ReadableStream({
              async pull(controller) {
                controller.enqueue(encoder.encode("half"));
                await new Promise(setImmediate);
                throw new Error("thrown by the application");
              },
            }),
          );
        case "/short":
          return new Response("short", { headers: { "Content-Length": "100" } });
        case "/long":
          return new Response(
            new ReadableStream({
              async start(controller) {
                controller.enqueue(encoder.encode("lo"));
                await tick();
                controller.enqueue(encoder.encode("nger"));
                controller.close();
              },
            }),
            { headers: { "Content-Length": "4" } },
          );
        case "/leave":
          stage.entered();
          await once(request.signal, "abort");
          stage.left(0);
          throw request.signal.reason;
        case "/endless": {
          let made = 0;
          return new Response(
            new ReadableStream({
              pull(controller) {
                made += PIECE.length;
                controller.enqueue(PIECE);
              },
              cancel: () => stage.left(made),
            }),
          );
        }
        default:
          return new Response(null, { status: 404 });
      }
    },
  };
}

interfaceContract({ name: "fetch", interface: "auto", make });

const reply = (fetch: (request: Request, env: FetchEnv) => unknown) => ({ fetch });

test("a body made from a string goes out as a whole, with its length", async (t) => {
  const { request } = await serve(
    t,
    reply(() => new Response("größe")),
  );
  const { headers, body } = await request({ path: "/" });
  assert.equal(body, "größe");
  assert.equal(headers["content-length"], "7");
  assert.equal(headers["transfer-encoding"], undefined);
});

test("the request is a Request in every way", async (t) => {
  const { request } = await serve(
    t,
    reply(async (original) => {
      const copy = new Request(original.clone(), { headers: { "x-copy": "1" } });
      const moved = new Request("http://elsewhere/", original.clone());
      return Response.json({
        is: [original instanceof Request, copy instanceof Request],
        tag: Object.prototype.toString.call(original),
        url: original.url,
        method: [original.method, copy.method, moved.method],
        header: [copy.headers.get("x-copy"), moved.headers.get("x-a")],
        body: [await copy.text(), await moved.text(), await original.json()],
        used: original.bodyUsed,
        aborted: [original.signal.aborted, copy.signal.aborted],
      });
    }),
  );
  const headers = { "x-a": "b", host: "example.org:81" };
  const answer = await request({ path: "/a%20b?c=d", method: "POST", headers }, '{"e":1}');
  assert.deepEqual(JSON.parse(answer.body), {
    is: [true, true],
    tag: "[object Request]",
    url: "http://example.org:81/a%20b?c=d",
    method: ["POST", "POST", "POST"],
    header: ["1", "b"],
    body: ['{"e":1}', '{"e":1}', { e: 1 }],
    used: true,
    aborted: [false, false],
  });
});

test("the scheme is the client's where a trusted proxy tells it", async (t) => {
  const { request } = await serve(
    t,
    reply(({ url }) => new Response(url)),
  );
  const answer = await request({ path: "/", headers: { host: "a.example", "x-forwarded-proto": "https" } });
  assert.equal(answer.body, "https://a.example/");
});

/** The first line of the answer to bytes as they are. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  socket.end(bytes);
  return text(socket);
}

test("targets in all their forms", async (t) => {
  const { port } = await serve(
    t,
    reply(({ url }) => new Response(url)),
  );
  const cases: [string, RegExp][] = [
    [
      "GET http://other.example/x?y HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n",
      /\r\nhttp:\/\/other\.example\/x\?y$/,
    ],
    // A scheme is the word of whoever asks, as X-Forwarded-Proto is.
    ["GET HTTPS://a/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", /\r\nhttp:\/\/a\/x$/],
    ["OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", /\r\nhttp:\/\/a\/\*$/],
    ["GET /x HTTP/1.0\r\n\r\n", new RegExp(`\r\nhttp://127\\.0\\.0\\.1:${port}/x$`)],
    ["GET //double HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", /\r\nhttp:\/\/a\/\/double$/],
  ];
  for (const [bytes, wanted] of cases) assert.match(await raw(port, bytes), wanted);
});

test("a Host or target that could move the path is refused and never reaches the application", async (t) => {
  let called = 0;
  const { port } = await serve(
    t,
    reply(() => new Response(String(++called))),
  );
  for (const host of ["a/b", "a?b", "a#b", "user@a", "a\\b", "[::1", "a:99999"]) {
    const answer = await raw(port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 400 /, host);
  }
  const target = await raw(port, "GET http://user:pw@a/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(target, /^HTTP\/1\.1 400 /);
  const trace = await raw(port, "TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(trace, /^HTTP\/1\.1 501 /);
  assert.equal(called, 0);
});

test("framing belongs to the server", async (t) => {
  const headers = {
    "Transfer-Encoding": "chunked",
    "Keep-Alive": "timeout=99",
    Connection: "upgrade",
    "X-A": "b",
  };
  const { request } = await serve(
    t,
    reply(() => new Response("x", { headers })),
  );
  const answer = await request({ path: "/" });
  assert.equal(answer.body, "x");
  assert.equal(answer.headers["transfer-encoding"], undefined);
  assert.notEqual(answer.headers["keep-alive"], "timeout=99");
  assert.equal(answer.headers["x-a"], "b");
});

test("more than the declared length is never sent, even of a body that is all there", async (t) => {
  const { request, errors, warnings } = await serve(
    t,
    reply(() => new Response("too long", { headers: { "Content-Length": "3" } })),
  );
  const answer = await request({ path: "/" });
  assert.deepEqual([answer.status, answer.body], [200, "too"]);
  assert.match(warnings.join(), /more than the 3 bytes that its Content-Length declares/);
  assert.deepEqual(errors, []);
});

test("a stream that gives more than was declared is cancelled, though it never ends", async (t) => {
  const cancelled = latch();
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(1000)),
    cancel: () => cancelled.open(),
  });
  const { request } = await serve(
    t,
    reply(() => new Response(body, { headers: { "Content-Length": "2500" } })),
  );
  assert.equal((await request({ path: "/" })).body.length, 2500);
  await cancelled.promise;
});

const FILE = fileURLToPath(import.meta.url);
const range = { start: 10, end: 29 };
for (const [what, body] of [
  ["a Blob of a file", async () => (await openAsBlob(FILE)).slice(range.start, range.end + 1)],
  ["a web stream of a file", async () => Readable.toWeb(createReadStream(FILE, range))],
  ["a Node stream of a file", async () => createReadStream(FILE, range)],
] as const) {
  test(`${what} can be a body, and a range of it`, async (t) => {
    const { request, errors } = await serve(t, {
      async fetch() {
        const headers = { "Content-Range": "bytes 10-29/*", "Content-Length": "20" };
        return Reflect.construct(Response, [await body(), { status: 206, headers }]);
      },
    });
    const answer = await request({ path: "/" });
    assert.deepEqual([answer.status, answer.headers["content-length"]], [206, "20"]);
    assert.equal(answer.body, readFileSync(FILE, "latin1").slice(range.start, range.end + 1));
    assert.deepEqual(errors, []);
  });
}

for (const [what, value] of [
  ["nothing", undefined],
  ["a string", "hello"],
  ["a failed network's response", Response.error()],
] as const) {
  test(`${what} is no answer`, async (t) => {
    const { request, errors } = await serve(
      t,
      reply(() => value),
    );
    assert.equal((await request({ path: "/" })).status, 500);
    assert.match(errors.join(), /fetch\(\) gave/);
  });
}

test("the environment tells who is at the other end", async (t) => {
  const { request } = await serve(
    t,
    reply((_request, env) => new Response(env.connection.peer.address)),
  );
  assert.equal((await request({ path: "/" })).body, "127.0.0.1");
});

test("a bare function is taken as told", async (t) => {
  const { request } = await serve(t, (req: Request) => new Response(req.method), "fetch");
  assert.equal((await request({ path: "/", method: "PUT" })).body, "PUT");
});
