import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { acceptCheaply } from "../../src/os/accept.ts";
import { isAccepting, listenHandle } from "../../src/os/handles.ts";

/** A server that accepts so on every Node.js. */
async function rig(t: TestContext) {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const handle = listenHandle(server);
  assert.ok(handle !== undefined && isAccepting(handle));
  const asNode = handle.onconnection;
  acceptCheaply(server, handle, true);
  assert.notEqual(handle.onconnection, asNode);
  t.after(() => server.close());
  return { server, handle, port: (server.address() as AddressInfo).port };
}

test("a socket is what net.Server makes of a connection: half open, read at once, with its addresses", async (t) => {
  const { server, port } = await rig(t);
  const client = net.connect(port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [net.Socket];
  t.after(() => {
    client.destroy();
    socket.destroy();
  });
  const over = Promise.all([once(socket, "data"), once(socket, "end")]);
  client.end("ping");
  const [[piece]] = await over;
  assert.equal(String(piece), "ping");
  assert.ok(socket.writable, "the other end has finished, and may still be answered");
  assert.equal(socket.remotePort, client.localPort);
  assert.equal(socket.allowHalfOpen, true);
  const left = Promise.all([once(client, "data"), once(socket, "close")]);
  socket.end("pong");
  const [[answer]] = await left;
  assert.equal(String(answer), "pong");
});

test("those who trace sockets hear of it, and an accept that fails is the server's error", async (t) => {
  const { server, handle, port } = await rig(t);
  const traced: unknown[] = [];
  const hear = (message: unknown): void => void traced.push(message);
  subscribe("net.server.socket", hear);
  t.after(() => unsubscribe("net.server.socket", hear));
  const client = net.connect(port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [net.Socket];
  assert.deepEqual(traced, [{ socket }]);
  socket.destroy();
  client.destroy();
  const failed = once(server, "error");
  handle.onconnection(-24, undefined);
  const [error] = await failed;
  assert.match(String(error), /EMFILE/);
});

test("nothing is changed where node does it at little cost", async (t) => {
  const { handle, server } = await rig(t);
  const before = handle.onconnection;
  acceptCheaply(server, handle, false);
  assert.equal(handle.onconnection, before);
});
