// socket.io attaches to the upgrades of a server that never listens.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { hasExample } from "../peers/peer.ts";
import { get, ready } from "../process/client.ts";
import { ROOT, type Server, within } from "../process/server.ts";
import { startExample } from "./contract.ts";

interface Client {
  on(event: string, listener: (value: unknown) => void): void;
  emit(event: string, value?: string): void;
  emitWithAck(event: string, value: string): Promise<unknown>;
  disconnect(): void;
  readonly io: {
    readonly engine: {
      readonly transport: { readonly name: string };
      once(event: string, listener: () => void): void;
    };
  };
}

type Connect = (
  url: string,
  options: { transports: readonly string[]; forceNew: boolean; reconnection: boolean },
) => Client;

const EXAMPLE = { name: "socket.io", directory: "socketio", app: "app:server" };

/** A client that has connected. */
async function connect(t: TestContext, server: Server, ...transports: readonly string[]): Promise<Client> {
  const require = createRequire(join(ROOT, "examples", "socketio", "app.ts"));
  const io: Connect = require("socket.io-client").io;
  const client = io(await server.url(), { transports, forceNew: true, reconnection: false });
  t.after(() => client.disconnect());
  const connected = new Promise<void>((resolve, reject) => {
    client.on("connect", () => resolve());
    client.on("connect_error", (error) => reject(error));
  });
  await within(connected, "a connection", server.log);
  return client;
}

const next = (client: Client, event: string): Promise<unknown> =>
  new Promise((resolve) => client.on(event, resolve));

for (const kind of ["eventloop", "threaded"] as const) {
  test(`socket.io over WebSockets under ${kind}`, async (t) => {
    if (!hasExample(t, "socketio")) return;
    const server = startExample(t, EXAMPLE, kind);
    await ready(server, 1);
    const client = await connect(t, server, "websocket");
    assert.equal(await client.emitWithAck("echo", "hello"), "hello");
    const long = "x".repeat(500_000);
    assert.equal(await client.emitWithAck("echo", long), long);
    // Sockets hold up no request.
    const others = [await connect(t, server, "websocket"), await connect(t, server, "websocket")];
    assert.match((await get(await server.url())).body, /Hello from socket\.io/);
    for (const one of others) assert.equal(await one.emitWithAck("echo", "other"), "other");
    for (const one of [client, ...others]) one.disconnect();
    await server.saw(/disconnected: client namespace disconnect/, 3);
    await server.stop();
  });
}

test("socket.io by requests first, then over a WebSocket, and to all", async (t) => {
  if (!hasExample(t, "socketio")) return;
  const server = startExample(t, EXAMPLE, "eventloop");
  await ready(server, 1);
  const polling = await connect(t, server, "polling");
  assert.equal(await polling.emitWithAck("echo", "hello"), "hello");
  const both = await connect(t, server, "polling", "websocket");
  if (both.io.engine.transport.name !== "websocket") {
    const upgraded = new Promise<void>((resolve) => both.io.engine.once("upgrade", resolve));
    await within(upgraded, "the upgrade", server.log);
  }
  assert.equal(both.io.engine.transport.name, "websocket");
  const told = Promise.all([next(polling, "told"), next(both, "told")]);
  both.emit("tell", "news");
  assert.deepEqual(await within(told, "the news", server.log), ["news", "news"]);
  for (const one of [polling, both]) one.emit("bye");
  await server.saw(/disconnected: server namespace disconnect/, 2);
  await server.stop();
});

test("socket.io's clients are let go when the server stops", async (t) => {
  if (!hasExample(t, "socketio")) return;
  const server = startExample(t, EXAMPLE, "eventloop");
  await ready(server, 1);
  const client = await connect(t, server, "websocket");
  const gone = next(client, "disconnect");
  const stopped = server.stop();
  await within(gone, "the disconnection", server.log);
  await stopped;
});
