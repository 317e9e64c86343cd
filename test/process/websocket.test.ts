// WebSockets and lifespans in real processes.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { get, ready } from "./client.ts";
import { ROOT, type Server, start } from "./server.ts";
import { certified } from "./tls-client.ts";

/** Echoes with its pid, and writes what becomes of it to stderr. */
const ASGI = `
export async function app(scope, receive, send) {
  if (scope.type === "lifespan") {
    for (;;) {
      const { type } = await receive();
      console.error(type);
      await send({ type: type + ".complete" });
      if (type === "lifespan.shutdown") return;
    }
  }
  if (scope.path === "/hang") await new Promise(() => {});
  if (scope.type === "http") {
    await send({ type: "http.response.start", status: 200 });
    return send({ type: "http.response.body", body: "hello" });
  }
  await receive();
  await send({ type: "websocket.accept" });
  for (;;) {
    const event = await receive();
    if (event.type === "websocket.disconnect") return console.error("disconnected with " + event.code);
    await send({ type: "websocket.send", text: process.pid + " " + event.text });
  }
}
`;

const NODE = `
import { createServer } from "node:http";
import { createRequire } from "node:module";
const { WebSocketServer } = createRequire(process.env.ROOT)("ws");
export const app = createServer((req, res) => res.end("hello"));
new WebSocketServer({ server: app }).on("connection", (socket) => {
  socket.on("message", (data) => socket.send(process.pid + " " + data));
  socket.on("close", (code) => console.error("disconnected with " + code));
});
`;

async function serve(t: TestContext, app: string, ...args: string[]): Promise<Server> {
  const server = start(
    t,
    ["-b", "127.0.0.1:0", "--log-level", "debug", "--graceful-timeout", "10", ...args, "app:app"],
    { files: { "app.mjs": app }, env: { ROOT: join(ROOT, "package.json") } },
  );
  await server.saw(/Ready worker=/);
  return server;
}

async function open(t: TestContext, server: Server): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${await server.port()}/ws?x=1`);
  t.after(() => socket.terminate());
  await once(socket, "open");
  return socket;
}

async function echo(socket: WebSocket, text: string): Promise<string> {
  socket.send(text);
  const [data] = await once(socket, "message");
  return String(data);
}

for (const [name, app] of [
  ["an ASGI application", ASGI],
  ["a Node application with ws", NODE],
] as const) {
  for (const kind of [["eventloop"], ["threaded", "--threads", "2"], ["sync"]] as const) {
    test(`${name} under ${kind[0]}: echoes, serves others meanwhile, is closed with 1012 by a reload and 1001 by a stop`, async (t) => {
      const server = await serve(t, app, "-k", ...kind);
      const first = await open(t, server);
      const before = await echo(first, "text");
      assert.match(before, /^\d+ text$/);
      // Two more at once, and a request: none of them waits for the socket.
      await open(t, server);
      await open(t, server);
      assert.equal((await get(await server.url())).body, "hello");
      const closed = once(first, "close");
      server.signal("SIGHUP");
      assert.equal((await closed)[0], 1012);
      await server.saw(/disconnected with 1012/, 3);
      const second = await open(t, server);
      assert.notEqual(await echo(second, "text"), before);
      const stopped = once(second, "close");
      const stop = server.stop();
      assert.equal((await stopped)[0], 1001);
      await stop;
      assert.equal(server.count(/disconnected with 1001/), 1);
    });
  }
}

for (const [name, app] of [
  ["an ASGI application", ASGI],
  ["a Node application with ws", NODE],
] as const) {
  test(`${name} over TLS: echoes, and is closed with 1001 by a stop`, async (t) => {
    const server = await serve(t, app, "-k", "eventloop", ...certified("a"));
    const socket = new WebSocket(`wss://127.0.0.1:${await server.port()}/`, {
      rejectUnauthorized: false,
    });
    t.after(() => socket.terminate());
    await once(socket, "open");
    assert.match(await echo(socket, "x".repeat(100_000)), /^\d+ x{100000}$/);
    const closed = once(socket, "close");
    const stop = server.stop();
    assert.equal((await closed)[0], 1001);
    await stop;
  });
}

test("a WebSocket is no request in flight, and stands in the access log when it is over", async (t) => {
  const server = start(
    t,
    [
      ...["-k", "eventloop", "-b", "127.0.0.1:0", "--log-level", "debug", "--access-logfile", "access.log"],
      ...[
        "--access-logformat",
        "%(m)s %(U)s %(s)s",
        // The first handshake loads what speaks WebSocket, on however busy a machine.
        "--request-timeout",
        "3",
        "--slow-request",
        "1",
        "app:app",
      ],
    ],
    {
      files: { "app.mjs": ASGI },
      leaves: ["access.log"],
      // The handshake, too, where ws has to be loaded for it.
      expected: [/Slow request/, /Request timeout .*GET \/hang/],
    },
  );
  await ready(server, 1);
  const socket = await open(t, server);
  // A request that begins later is out of time.
  assert.equal((await get(await server.url("/hang"))).status, 504);
  assert.match(await echo(socket, "still"), /still/);
  const closed = once(socket, "close");
  socket.close();
  await closed;
  await server.stop();
  assert.match(readFileSync(join(server.dir, "access.log"), "utf8"), /^GET \/ws 101$/m);
});

test("requestTimeout covers the handshake", async (t) => {
  const server = start(
    t,
    ["-k", "eventloop", "-b", "127.0.0.1:0", "--log-level", "debug", "--request-timeout", "0.2", "app:app"],
    { files: { "app.mjs": ASGI }, expected: [/Request timeout .*GET \/hang took/] },
  );
  await ready(server, 1);
  const socket = new WebSocket(`ws://127.0.0.1:${await server.port()}/hang`);
  socket.on("error", () => undefined);
  const [, res] = await once(socket, "unexpected-response");
  assert.equal(res.statusCode, 504);
  socket.terminate();
  await server.stop();
});

for (const kind of [["eventloop"], ["threaded", "--threads", "2"]] as const) {
  test(`a lifespan under ${kind[0]} begins before the first request and ends after the last`, async (t) => {
    const server = await serve(t, ASGI, "-k", ...kind);
    const loops = kind.length === 1 ? 1 : 2;
    assert.equal(server.count(/^lifespan\.startup$/m), loops);
    assert.equal((await get(await server.url())).body, "hello");
    await server.stop();
    assert.equal(server.count(/^lifespan\.shutdown$/m), loops);
  });
}

test("a lifespan that fails stops the boot, with exit status 4", async (t) => {
  const app = `export async function app(scope, receive, send) {
    await receive();
    await send({ type: "lifespan.startup.failed", message: "no database" });
  }`;
  const server = start(t, ["-b", "127.0.0.1:0", "app:app"], { files: { "app.mjs": app } });
  assert.deepEqual(await server.exited, { code: 4, signal: null });
  assert.match(server.log(), /lifespan\.startup failed: no database/);
});

test("startup() and shutdown() beside an application are awaited", async (t) => {
  const app = `
    let greeting = "";
    export async function startup() { await null; greeting = "hello"; console.error("started"); }
    export async function shutdown() { await null; console.error("ended"); }
    export const app = (req, res) => res.end(greeting);
  `;
  const server = await serve(t, app);
  assert.equal((await get(await server.url())).body, "hello");
  await server.stop();
  assert.match(server.log(), /^started$[\s\S]*^ended$/m);
});

test("a startup() that fails stops the boot, and says where", async (t) => {
  const app = `
    export async function startup() { throw new Error("no database"); }
    export const app = (req, res) => res.end("");
  `;
  const server = start(t, ["-b", "127.0.0.1:0", "app:app"], { files: { "app.mjs": app } });
  assert.deepEqual(await server.exited, { code: 4, signal: null });
  assert.match(server.log(), /no database[\s\S]*app\.mjs:2/);
});
