// Fronts that take their time: with a head, where that may take for ever, and with an answer, as those do that buffer none
// of it for a slow client.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import type { WsgiApplication } from "../../../src/interfaces/wsgi.ts";
import {
  fastcgiBody,
  fastcgiHead,
  fastcgiRecords,
  scgiHead,
  uwsgiHead,
  variablesOf,
} from "../../contract/cgi.ts";
import { latch, type Served, type Spoken, serve } from "../../interfaces/serve.ts";

/** More than the kernel holds for both ends of a connection. */
const LARGE = Buffer.alloc(30_000_000, "x");
const END = 3;

interface Line extends Served {
  /** A connection that is not closed by itself where the server ends it. */
  connect(): Promise<net.Socket>;
  /** The application has given its answer to `/large`. */
  readonly given: Promise<void>;
  /** Lets the server's clocks see that so many milliseconds have gone by. */
  pass(milliseconds: number): void;
}

async function line(t: TestContext, protocol: Spoken, headerTimeout = 30): Promise<Line> {
  let ahead = 0;
  const now = performance.now.bind(performance);
  t.mock.method(performance, "now", () => now() + ahead);
  t.mock.timers.enable({ apis: ["setInterval"] });
  const given = latch();
  const app: WsgiApplication = (environ, startResponse) => {
    startResponse("200 OK", []);
    if (environ.PATH_INFO !== "/large") return ["small"];
    return Object.assign([LARGE], { close: () => given.open() });
  };
  const served = await serve(t, app, "wsgi", { protocol, headerTimeout });
  return {
    ...served,
    async connect() {
      const socket = net.connect({ port: served.port, host: "127.0.0.1", allowHalfOpen: true });
      t.after(() => socket.destroy());
      await once(socket, "connect");
      return socket;
    },
    given: given.promise,
    pass(milliseconds) {
      ahead += milliseconds;
      t.mock.timers.tick(milliseconds);
    },
  };
}

for (const [protocol, head] of [
  ["uwsgi", uwsgiHead],
  ["scgi", scgiHead],
  ["fastcgi", (pairs: string[]) => Buffer.concat([fastcgiHead(1, pairs), fastcgiBody(1)])],
] as const) {
  test(`${protocol}: an answer is there for a front that takes it late, whose time to close begins after that`, async (t) => {
    const { connect, given, pass, over, drain } = await line(t, protocol);
    const socket = await connect();
    const taken = over();
    socket.write(head(variablesOf({ target: "/large" })));
    await given;
    pass(60_000);
    let bytes = 0;
    for await (const chunk of socket) bytes += chunk.length;
    assert.ok(bytes > LARGE.length, `${bytes} bytes`);
    await taken;
    const drained = drain("close");
    pass(3_000);
    await drained;
  });

  test(`${protocol}: a headerTimeout of 0 is for ever`, async (t) => {
    const { connect, pass } = await line(t, protocol, 0);
    const request = head(variablesOf({}));
    const silent = await connect();
    const halting = await connect();
    halting.write(request.subarray(0, 20));
    // Once this is answered, the server has read what the others have sent.
    const other = await connect();
    other.write(request);
    assert.match(await text(other), /small/);
    pass(60_000);
    silent.write(request);
    halting.write(request.subarray(20));
    assert.match(await text(silent), /small/);
    assert.match(await text(halting), /small/);
  });

  test(`${protocol}: a head whose rest is there unread when its time is over is answered`, async (t) => {
    const { connect, pass, warnings } = await line(t, protocol);
    const request = head(variablesOf({}));
    const halting = await connect();
    halting.write(request.subarray(0, 20));
    const other = await connect();
    other.write(request);
    assert.match(await text(other), /small/);
    halting.write(request.subarray(20));
    pass(31_000);
    assert.match(await text(halting), /small/);
    assert.deepEqual(warnings, []);
  });
}

test("fastcgi: a connection is idle only when the front has the answer, also in a drain", async (t) => {
  const { connect, given, pass, drain } = await line(t, "fastcgi");
  const socket = await connect();
  const records = fastcgiRecords(socket);
  const ask = (target: string): void =>
    void socket.write(Buffer.concat([fastcgiHead(1, variablesOf({ target }), true), fastcgiBody(1)]));
  const size = async (): Promise<number> => {
    let bytes = 0;
    for (;;) {
      const { done, value } = await records.next();
      if (done === true) throw new Error(`the connection has ended after ${bytes} bytes`);
      if (value.type === END) return bytes;
      bytes += value.content.length;
    }
  };
  ask("/large");
  await given;
  pass(60_000);
  const drained = drain("close");
  // As the first look at idle connections, and then the time that they have to close.
  pass(1_000);
  pass(60_000);
  assert.ok((await size()) > LARGE.length);
  ask("/small");
  assert.ok((await size()) > 0);
  socket.end();
  await drained;
});
