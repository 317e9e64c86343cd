// Applications for Node whose server others attach to: ws, and what is built upon it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fastify from "fastify";
import { WebSocket, WebSocketServer } from "ws";
import { type Served, serve } from "./serve.ts";

const hello = (_req: IncomingMessage, res: ServerResponse): void => void res.end("hello");

function echoOn(server: ReturnType<typeof createServer>, path = "/ws"): WebSocketServer {
  const sockets = new WebSocketServer({ server, path });
  sockets.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
  return sockets;
}

async function open(t: TestContext, { port }: Served, path = "/ws"): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  t.after(() => socket.terminate());
  await once(socket, "open");
  return socket;
}

async function echo(socket: WebSocket, text: string): Promise<string> {
  socket.send(text);
  const [data] = await once(socket, "message");
  return String(data);
}

test("an exported server: its listeners get requests and upgrades", async (t) => {
  const server = createServer(hello);
  echoOn(server);
  const served = await serve(t, server);
  assert.equal((await served.request({ path: "/" })).body, "hello");
  const socket = await open(t, served);
  assert.equal(await echo(socket, "first"), "first");
  assert.equal(await echo(socket, "x".repeat(100_000)), "x".repeat(100_000));
  const over = served.over();
  socket.close(4000);
  const [code] = await once(socket, "close");
  assert.equal(code, 4000);
  assert.equal((await over).status, 101);
  assert.deepEqual(served.errors, []);
});

test("a connection that speaks WebSocket has let go of its request, and its log line has all of it", async (t) => {
  const server = createServer(hello);
  const requests: WeakRef<IncomingMessage>[] = [];
  new WebSocketServer({ server }).on("connection", (_, req) => requests.push(new WeakRef(req)));
  const served = await serve(t, server);
  const over = served.over();
  const headers = { "x-several": ["one", "two"], cookie: "a=1" };
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}/chat?room=7`, { headers });
  t.after(() => socket.terminate());
  await once(socket, "open");
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  assert.ok(typeof collect === "function");
  for (let turns = 0; turns < 20 && requests[0]?.deref() !== undefined; turns++) {
    await turn();
    collect();
  }
  assert.equal(requests.length, 1);
  assert.equal(requests[0]?.deref(), undefined);
  socket.close();
  const { status, method, target, httpVersion, client, rawHeaders, ...exchange } = await over.then((one) => ({
    status: one.status,
    method: one.method,
    target: one.target,
    httpVersion: one.httpVersion,
    client: one.client.address,
    rawHeaders: one.rawHeaders,
    several: one.header("x-several"),
    cookie: one.header("cookie"),
    none: one.header("x-none"),
  }));
  assert.deepEqual(
    [status, method, target, httpVersion, client],
    [101, "GET", "/chat?room=7", "1.1", "127.0.0.1"],
  );
  assert.deepEqual(exchange, { several: "one, two", cookie: "a=1", none: undefined });
  assert.equal(rawHeaders[rawHeaders.indexOf("x-several") + 1], "one");
  assert.equal(rawHeaders.length % 2, 0);
});

for (const when of ["before", "after"]) {
  test(`req.signal asked for ${when} the WebSocket is open aborts at its end`, async (t) => {
    const server = createServer(hello);
    const sockets = new WebSocketServer({ noServer: true });
    const signals: AbortSignal[] = [];
    const ask = (req: IncomingMessage): void => {
      const signal: unknown = Reflect.get(req, "signal");
      assert.ok(signal instanceof AbortSignal);
      signals.push(signal);
    };
    server.on("upgrade", (req, socket, head) => {
      if (when === "before") ask(req);
      sockets.handleUpgrade(req, socket, head, () => {
        if (when === "after") ask(req);
      });
    });
    const served = await serve(t, server);
    const over = served.over();
    const socket = await open(t, served);
    const [signal] = signals;
    assert.equal(signal?.aborted, false);
    socket.close();
    await over;
    // The same turn has told of both.
    await turn();
    assert.equal(signal?.aborted, true);
    assert.deepEqual(served.errors, []);
  });
}

test("an exported server: what it refuses is over with that status", async (t) => {
  const server = createServer(hello);
  echoOn(server);
  const served = await serve(t, server);
  const over = served.over();
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}/elsewhere`);
  const [error] = await once(socket, "error");
  assert.match(String(error), /400/);
  assert.equal((await over).status, 400);
});

test("an exported server: an upgrade to h2c, which curl asks for, is a plain request", async (t) => {
  const server = createServer(hello);
  echoOn(server);
  const { request } = await serve(t, server);
  const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABk" };
  assert.equal((await request({ path: "/", headers })).body, "hello");
});

test("an exported server with nothing for plain requests answers 426", async (t) => {
  const server = createServer();
  echoOn(server);
  const { request } = await serve(t, server);
  assert.equal((await request({ path: "/" })).status, 426);
});

test("an exported server without listeners for upgrades serves plain requests", async (t) => {
  const { request } = await serve(t, createServer(hello));
  const headers = { connection: "Upgrade", upgrade: "websocket" };
  assert.equal((await request({ path: "/", headers })).body, "hello");
});

test("an upgrade listener that throws costs its own connection alone", async (t) => {
  const server = createServer(hello);
  server.on("upgrade", () => {
    throw new Error("thrown by the application");
  });
  const served = await serve(t, server);
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}/`);
  await once(socket, "error");
  assert.match(served.errors.join(), /thrown by the application/);
  assert.equal((await served.request({ path: "/" })).body, "hello");
});

test("Fastify's own server: who attaches to it gets upgrades, and Fastify its requests", async (t) => {
  const app = fastify();
  app.get("/", async () => "hello");
  echoOn(app.server);
  const served = await serve(t, app);
  assert.equal((await served.request({ path: "/" })).body, "hello");
  assert.equal(await echo(await open(t, served), "text"), "text");
});

test("Nest's own server: who attaches to it gets upgrades", async (t) => {
  const listener = Object.assign(hello, { handle() {}, use() {} });
  const server = createServer(listener);
  const app = {
    init: async () => void echoOn(server),
    getHttpAdapter: () => ({ getInstance: () => listener }),
    getHttpServer: () => server,
  };
  const served = await serve(t, app);
  assert.equal((await served.request({ path: "/" })).body, "hello");
  assert.equal(await echo(await open(t, served), "text"), "text");
});
