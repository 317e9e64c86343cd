// WebSockets of ASGI applications, with ws for a client.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import type { AsgiSettings } from "../../src/interfaces/asgi/handler.ts";
import {
  type AsgiApplication,
  asgi,
  type Receive,
  type ReceiveEvent,
  type Send,
  type WebSocketScope,
} from "../../src/interfaces/asgi.ts";
import { connect } from "../contract/client.ts";
import { latch, type Served, serve } from "./serve.ts";

const SETTINGS: AsgiSettings = {
  lifespan: "off",
  patience: 10_000,
  maxSize: 1_000_000,
  pingInterval: 20_000,
  pingTimeout: 20_000,
};

type Application = (scope: WebSocketScope, receive: Receive, send: Send) => unknown;

const forSockets = (app: Application): AsgiApplication =>
  asgi((scope, receive, send) => {
    if (scope.type !== "websocket") throw new Error(`no ${scope.type} here`);
    return app(scope, receive, send);
  });

const serveSockets = (t: TestContext, app: Application, settings: Partial<AsgiSettings> = {}) =>
  serve(t, forSockets(app), "auto", { asgi: { ...SETTINGS, ...settings } });

function dial(t: TestContext, { port }: Served, protocols: string[] = [], path = "/ws"): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols);
  // One that was never opened is told of the end by an error.
  t.after(() => socket.on("error", () => undefined).terminate());
  return socket;
}

async function open(t: TestContext, served: Served, protocols: string[] = []): Promise<WebSocket> {
  const socket = dial(t, served, protocols);
  await once(socket, "open");
  return socket;
}

/** The status that a handshake was refused with, and the body. */
async function refused(socket: WebSocket): Promise<[status: number, body: string]> {
  socket.on("error", () => undefined);
  const [, res]: [unknown, IncomingMessage] = await new Promise((resolve) =>
    socket.once("unexpected-response", (req, answer) => resolve([req, answer])),
  );
  let body = "";
  for await (const piece of res) body += piece;
  return [res.statusCode ?? 0, body];
}

const echo: Application = async (_scope, receive, send) => {
  assert.deepEqual(await receive(), { type: "websocket.connect" });
  await send({ type: "websocket.accept" });
  for (;;) {
    const event = await receive();
    if (event.type !== "websocket.receive") return;
    if (event.text !== undefined) await send({ type: "websocket.send", text: event.text });
    else await send({ type: "websocket.send", bytes: event.bytes });
  }
};

test("text and bytes come back as they were", async (t) => {
  const served = await serveSockets(t, echo);
  const socket = await open(t, served);
  for (const [data, binary] of [
    ["text é", false],
    [Buffer.from([0, 255]), true],
    ["", false],
    ["x".repeat(500_000), false],
  ] as const) {
    socket.send(data);
    const [answer, isBinary] = await once(socket, "message");
    assert.equal(isBinary, binary);
    assert.equal(String(answer), String(data));
  }
  const over = served.over();
  socket.close();
  await once(socket, "close");
  assert.equal((await over).status, 101);
  assert.deepEqual(served.errors, []);
});

test("many messages at once keep their order, however slowly they are taken", async (t) => {
  const served = await serveSockets(t, echo);
  const socket = await open(t, served);
  const got: string[] = [];
  const all = new Promise<void>((resolve) =>
    socket.on("message", (data) => {
      got.push(String(data).slice(0, 8));
      if (got.length === 500) resolve();
    }),
  );
  const sent: string[] = [];
  for (let i = 0; i < 500; i++) {
    const text = String(i).padEnd(8, "-") + "x".repeat(20_000);
    sent.push(text.slice(0, 8));
    socket.send(text);
  }
  await all;
  assert.deepEqual(got, sent);
});

test("the scope of a WebSocket", async (t) => {
  const seen = latch<WebSocketScope>();
  const served = await serveSockets(t, async (scope, receive, send) => {
    seen.open(scope);
    await echo(scope, receive, send);
  });
  dial(t, served, ["chat", "other"], "/p%20q?x=1");
  const scope = await seen.promise;
  assert.deepEqual(
    [scope.type, scope.scheme, scope.path, scope.query_string, scope.subprotocols, scope.http_version],
    ["websocket", "ws", "/p q", "x=1", ["chat", "other"], "1.1"],
  );
  assert.deepEqual(scope.extensions, { "websocket.http.response": {} });
});

test("accept chooses a subprotocol and sends headers", async (t) => {
  const served = await serveSockets(t, async (_scope, receive, send) => {
    await receive();
    await assert.rejects(send({ type: "websocket.accept", subprotocol: "never" }), /does not offer/);
    await assert.rejects(
      send({ type: "websocket.accept", headers: [["a", "b\r\nSet-Cookie: c"]] }),
      /no value for/,
    );
    await assert.rejects(
      send({ type: "websocket.accept", headers: [["Sec-WebSocket-Protocol", "x"]] }),
      /are the server's/,
    );
    await send({ type: "websocket.accept", subprotocol: "chat", headers: [["x-one", Buffer.from("1")]] });
    await receive();
  });
  const socket = dial(t, served, ["chat", "other"]);
  const [[res]] = await Promise.all([once(socket, "upgrade"), once(socket, "open")]);
  assert.equal(res.headers["x-one"], "1");
  assert.equal(socket.protocol, "chat");
});

test("close before accept refuses with 403", async (t) => {
  const served = await serveSockets(t, async (_scope, _receive, send) => {
    await send({ type: "websocket.close" });
  });
  assert.deepEqual(await refused(dial(t, served)), [403, "Forbidden\n"]);
  assert.deepEqual(served.errors, []);
});

test("a WebSocket can be denied with an answer of the application's own", async (t) => {
  const served = await serveSockets(t, async (_scope, _receive, send) => {
    await send({ type: "websocket.http.response.start", status: 401, headers: [["x", "y"]] });
    await send({ type: "websocket.http.response.body", body: "log ", more_body: true });
    await send({ type: "websocket.http.response.body", body: "in" });
  });
  assert.deepEqual(await refused(dial(t, served)), [401, "log in"]);
  assert.deepEqual(served.errors, []);
});

test("the application's close carries its code and reason", async (t) => {
  const last = latch<ReceiveEvent>();
  const served = await serveSockets(t, async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.close", code: 4001, reason: "enough" });
    await assert.rejects(send({ type: "websocket.send", text: "late" }), { name: "ClientGone" });
    last.open(await receive());
  });
  const [code, reason] = await once(await open(t, served), "close");
  assert.deepEqual([code, String(reason)], [4001, "enough"]);
  assert.deepEqual(await last.promise, { type: "websocket.disconnect", code: 4001, reason: "enough" });
});

for (const [what, end, code] of [
  ["closes with a code", (socket: WebSocket) => socket.close(4002, "bye"), 4002],
  ["closes without one", (socket: WebSocket) => socket.close(), 1005],
  ["vanishes", (socket: WebSocket) => socket.terminate(), 1006],
] as const) {
  test(`a client that ${what} is a disconnect with ${code}`, async (t) => {
    const last = latch<ReceiveEvent>();
    const served = await serveSockets(t, async (_scope, receive, send) => {
      await receive();
      await send({ type: "websocket.accept" });
      const event = await receive();
      assert.deepEqual(await receive(), event);
      last.open(event);
    });
    end(await open(t, served));
    const reason = code === 4002 ? "bye" : "";
    assert.deepEqual(await last.promise, { type: "websocket.disconnect", code, reason });
  });
}

test("an application that returns closes with 1000, one that throws with 1011", async (t) => {
  const served = await serveSockets(t, async (scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    await receive();
    if (scope.query_string === "throw") throw new Error("thrown by the application");
  });
  const first = await open(t, served);
  first.send("x");
  assert.equal((await once(first, "close"))[0], 1000);
  const second = dial(t, served, [], "/?throw");
  await once(second, "open");
  second.send("x");
  assert.equal((await once(second, "close"))[0], 1011);
  assert.match(served.errors.join(), /thrown by the application/);
});

for (const [what, app, told] of [
  ["returns without an answer", async () => undefined, /without accepting or closing/],
  [
    "throws",
    async () => {
      throw new Error("thrown by the application");
    },
    /thrown by/,
  ],
  [
    "sends too early",
    async (_scope, _receive, send) => send({ type: "websocket.send", text: "x" }),
    /accept has to come first/,
  ],
] satisfies [string, Application, RegExp][]) {
  test(`an application that ${what} before accept: 500`, async (t) => {
    const served = await serveSockets(t, app);
    assert.equal((await refused(dial(t, served)))[0], 500);
    assert.match(served.errors.join(), told);
  });
}

test("messages that are wrong fail in the application and harm nothing", async (t) => {
  const served = await serveSockets(t, async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    await assert.rejects(send({ type: "websocket.accept" }), /accepted already/);
    await assert.rejects(send({ type: "websocket.send" }), /either text/);
    await assert.rejects(send({ type: "websocket.send", text: "a", bytes: Buffer.from("b") }), /either text/);
    await assert.rejects(send({ type: "websocket.close", code: 99 }), /code/);
    await assert.rejects(send({ type: "http.response.start", status: 200 }), /no message/);
    await send({ type: "websocket.send", text: "fine" });
    await receive();
  });
  const socket = dial(t, served);
  assert.equal(String((await once(socket, "message"))[0]), "fine");
});

test("a message above wsMaxSize closes with 1009, and the application is told so", async (t) => {
  const told = latch<ReceiveEvent>();
  const app: Application = async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    told.open(await receive());
  };
  const served = await serveSockets(t, app, { maxSize: 1000 });
  const socket = await open(t, served);
  socket.send("x".repeat(1001));
  assert.equal((await once(socket, "close"))[0], 1009);
  assert.deepEqual(await told.promise, { type: "websocket.disconnect", code: 1009, reason: "" });
  assert.deepEqual(served.errors, []);
});

test("frames that are none end that connection alone", async (t) => {
  const served = await serveSockets(t, echo);
  const client = await connect(served.port);
  const key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n";
  client.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n`);
  await client.saw("\r\n\r\n");
  client.send("\x81\x05hello"); // not masked
  client.end();
  await client.closed();
  const socket = await open(t, served);
  socket.send("still here");
  assert.equal(String((await once(socket, "message"))[0]), "still here");
  assert.deepEqual(served.errors, []);
});

for (const [what, fields, status] of [
  ["no key", "Sec-WebSocket-Version: 13\r\n", 400],
  ["an old version", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 7\r\n", 426],
  [
    "a subprotocol that is none",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a b\r\n",
    400,
  ],
] as const) {
  test(`a handshake with ${what} is refused with ${status}`, async (t) => {
    const served = await serveSockets(t, () => assert.fail("called"));
    const client = await connect(served.port);
    client.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${fields}\r\n`);
    assert.equal((await client.response()).status, status);
    assert.deepEqual(served.errors, []);
  });
}

test("a client that answers no ping is given up", async (t) => {
  const last = latch<ReceiveEvent>();
  const served = await serveSockets(
    t,
    async (_scope, receive, send) => {
      await receive();
      await send({ type: "websocket.accept" });
      last.open(await receive());
    },
    { pingInterval: 40, pingTimeout: 40 },
  );
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}/`, { autoPong: false });
  t.after(() => socket.terminate());
  await once(socket, "ping");
  await once(socket, "close");
  assert.deepEqual(await last.promise, { type: "websocket.disconnect", code: 1006, reason: "" });
});

test("a client that answers pings stays", async (t) => {
  const served = await serveSockets(t, echo, { pingInterval: 40, pingTimeout: 40 });
  const socket = await open(t, served);
  for (let i = 0; i < 4; i++) await once(socket, "ping");
  socket.send("here");
  assert.equal(String((await once(socket, "message"))[0]), "here");
});

test("a pong that came in while the event loop was blocked counts", async (t) => {
  const timing = { pingInterval: 40, pingTimeout: 40 };
  const served = await serveSockets(t, echo, timing);
  const socket = await open(t, served);
  // It has been answered when this is told of.
  await once(socket, "ping");
  const until = performance.now() + 3 * timing.pingTimeout;
  while (performance.now() < until);
  socket.send("here");
  assert.equal(String((await once(socket, "message"))[0]), "here");
  await once(socket, "ping");
});

for (const [idle, code] of [
  ["keep", 1012],
  ["close", 1001],
] as const) {
  test(`a drain (${idle}) closes with ${code}, and waits for the application's end`, async (t) => {
    const ending = latch();
    let ended = false;
    const served = await serveSockets(t, async (_scope, receive, send) => {
      await receive();
      await send({ type: "websocket.accept" });
      const event = await receive();
      assert.deepEqual(event, { type: "websocket.disconnect", code, reason: "" });
      await ending.promise;
      ended = true;
    });
    const socket = await open(t, served);
    const drained = served.drain(idle);
    assert.equal((await once(socket, "close"))[0], code);
    ending.open();
    await drained;
    assert.equal(ended, true);
    assert.deepEqual(served.errors, []);
  });
}

test("a slow client makes send() wait", async (t) => {
  const waits = latch();
  let sent = 0;
  const served = await serveSockets(t, async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    const piece = Buffer.alloc(1024 * 1024);
    const timer = setInterval(() => {
      // As many as before: the last one waits.
      if (sent > 0 && sent === before) waits.open();
      before = sent;
    }, 100);
    let before = 0;
    try {
      for (;;) {
        await send({ type: "websocket.send", bytes: piece });
        sent++;
      }
    } finally {
      clearInterval(timer);
    }
  });
  const socket = await open(t, served);
  socket.pause();
  await waits.promise;
  assert.ok(sent < 32, `${sent} MB were sent`);
  socket.resume();
});
