// Connections that are not an engine's yet: what has come in is read before one of them is ended.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, it, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createWaitingRoom, type WaitingRoom } from "../../src/protocols/waiting.ts";

interface Waits {
  readonly room: WaitingRoom;
  readonly client: net.Socket;
  /** Lets timers fire that are due after so many milliseconds, before anything is read that has come in. */
  pass(milliseconds: number): void;
  /** Resolves with what the client gets: "served" once it has sent a whole line, nothing where it was ended before. */
  readonly got: Promise<string>;
  readonly late: net.Socket[];
}

/** A connection in the room, of which `sent` is read. */
async function waits(t: TestContext, sent: string, limit = 0): Promise<Waits> {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const late: net.Socket[] = [];
  const room = createWaitingRoom({
    limit,
    onClosed: () => undefined,
    onLate: (socket) => void late.push(socket),
  });
  const server = net.createServer((socket) => {
    room.enter(socket);
    socket.on("data", (chunk) => {
      if (!chunk.includes("\n")) return;
      room.leave(socket);
      socket.end("served");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    room.stop();
    server.close();
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("not bound");
  const accepted = once(server, "connection");
  const client = net.connect({ port: address.port, host: "127.0.0.1" });
  t.after(() => client.destroy());
  await once(client, "connect");
  const [socket] = await accepted;
  let text = "";
  client.on("data", (chunk) => {
    text += chunk.toString();
  });
  client.on("error", () => undefined);
  const got = new Promise<string>((resolve) => client.on("close", () => resolve(text)));
  if (sent !== "") {
    client.write(sent);
    await once(socket, "data");
  }
  return { room, client, got, late, pass: (milliseconds) => t.mock.timers.tick(milliseconds) };
}

describe("who waits while a worker drains", () => {
  for (const [sent, milliseconds] of [
    ["", 500],
    ["a", 2_000],
  ] as const) {
    it(`is served where the rest was there unread after ${milliseconds} ms`, async (t) => {
      const { room, client, got, pass } = await waits(t, sent);
      const drained = room.drain(undefined);
      await turn();
      client.write("line\n");
      pass(milliseconds);
      assert.equal(await got, "served");
      await drained;
    });

    it(`is ended after ${milliseconds} ms without another byte`, async (t) => {
      const { room, got, pass } = await waits(t, sent);
      const drained = room.drain(undefined);
      await turn();
      pass(milliseconds);
      assert.equal(await got, "");
      await drained;
    });
  }

  it("is spared once where more was there, and not all", async (t) => {
    const { room, client, got, pass } = await waits(t, "a");
    const drained = room.drain(undefined);
    await turn();
    client.write("b");
    pass(2_000);
    for (let i = 0; i < 10; i++) await turn();
    assert.equal(room.size, 1);
    client.write("c");
    pass(2_000);
    assert.equal(await got, "");
    await drained;
  });
});

describe("who waits for longer than the limit", () => {
  it("is served where the rest was there unread", async (t) => {
    const { client, got, late, pass } = await waits(t, "a", 1_000);
    client.write("line\n");
    pass(1_000);
    assert.equal(await got, "served");
    assert.equal(late.length, 0);
  });

  it("is ended, and told of", async (t) => {
    const { got, late, pass } = await waits(t, "a", 1_000);
    pass(1_000);
    assert.equal(await got, "");
    assert.equal(late.length, 1);
  });
});
