// What only frames made by hand can do: https://www.rfc-editor.org/rfc/rfc9113#section-4

import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { get, ready } from "./client.ts";
import { frame, PREFACE, SETTINGS } from "./h2-frame.ts";
import { type Server, start } from "./server.ts";

const HOLES = /httpProtocols: h2 on Node \S+ has known holes/;
const ARGS = ["-b", "127.0.0.1:0", "--log-level", "debug", "--http-protocols", "h2,h1", "app:app"];
const APP = `export const app = (req, res) => {
  if (req.url === "/wait") {
    process.stderr.write("IN\\n");
    res.on("close", () => process.stderr.write("GONE\\n"));
    return;
  }
  if (req.url === "/empty") {
    res.writeHead(Number(req.headers["x-status"]), { "content-length": "5" });
    return res.end("hello");
  }
  let length = 0;
  req.on("data", (piece) => { length += piece.length; }).on("end", () => res.end(String(length)));
};`;

/** GET, http, and the path as a literal (RFC 7541 section 6.2.2). */
const headers = (path: string): Buffer =>
  Buffer.concat([
    Buffer.from([0x82, 0x86, 0x04, path.length]),
    Buffer.from(path),
    Buffer.from([0x01, 1, "a".charCodeAt(0)]),
  ]);

async function dial(t: TestContext, server: Server): Promise<net.Socket> {
  const socket = net.connect({ host: "127.0.0.1", port: await server.port() });
  socket.on("error", () => undefined).resume();
  t.after(() => socket.destroy());
  socket.write(Buffer.concat([PREFACE, SETTINGS]));
  return socket;
}

for (const kind of ["sync", "threaded", "eventloop"]) {
  test(`${kind}: a client that closes its connection without a word has gone`, async (t) => {
    const server = start(t, ["-k", kind, ...ARGS], { files: { "app.mjs": APP }, expected: [HOLES] });
    await ready(server, 1);
    const socket = await dial(t, server);
    socket.write(frame(1, 0x5, 1, headers("/wait")));
    await server.saw(/^IN$/m);
    socket.end();
    await server.saw(/^GONE$/m);
    assert.equal((await get(await server.url("/"))).status, 200);
    await server.stop();
  });
}

test("a part of a frame keeps no connection beyond its time", async (t) => {
  const limits = [
    "-k",
    "eventloop",
    "--header-timeout",
    "1",
    "--keep-alive",
    "1",
    "--worker-connections",
    "2",
  ];
  const server = start(t, [...limits, ...ARGS], { files: { "app.mjs": APP }, expected: [HOLES] });
  await ready(server, 1);
  const first = headers("/");
  const parts = [frame(1, 0x5, 1, first).subarray(0, 9), frame(1, 0x1, 1, first)];
  for (const part of parts) {
    const socket = await dial(t, server);
    socket.write(part);
    await once(socket, "close");
  }
  assert.equal((await get(await server.url("/"))).status, 200);
  await server.stop();
});

test("100-continue is answered, another expectation refused; 204 and 205 have no length and no content", async (t) => {
  const server = start(t, ["-k", "eventloop", ...ARGS], {
    files: { "app.mjs": APP },
    expected: [HOLES, /Invalid request .* an expectation other than 100-continue/],
  });
  await ready(server, 1);
  const session = http2.connect(await server.url());
  session.on("error", () => undefined);
  t.after(() => session.destroy());
  const stream = session.request({ ":method": "POST", ":path": "/", expect: "100-continue" });
  await once(stream, "continue");
  stream.end("body");
  stream.setEncoding("utf8");
  assert.deepEqual(await once(stream, "data"), ["4"]);
  for (const [given, status] of [
    [{ expect: "miracles" }, 417],
    [{ ":path": "/empty", "x-status": "204" }, 204],
    [{ ":path": "/empty", "x-status": "205" }, 205],
  ] as const) {
    const asked = session.request(given);
    const [found] = await once(asked, "response");
    assert.equal(found[":status"], status);
    if (status !== 417) assert.equal(found["content-length"], undefined);
    asked.resume();
    await once(asked, "close");
    assert.equal(asked.rstCode, 0);
  }
  session.close();
  await server.stop();
});

test("a client that breaks off request after request without naming an error is cut off", async (t) => {
  const expected = [HOLES, /breaks off too many requests/];
  const args = ["-k", "eventloop", "--http2-max-resets", "20", ...ARGS];
  const server = start(t, args, { files: { "app.mjs": APP }, expected });
  await ready(server, 1);
  const socket = await dial(t, server);
  const closed = once(socket, "close");
  const streams = Array.from({ length: 40 }, (_, count) => 2 * count + 1);
  socket.write(Buffer.concat(streams.map((stream) => frame(1, 0x4, stream, headers("/")))));
  // By then the requests before it are with the application.
  assert.equal((await get(await server.url("/"))).status, 200);
  socket.write(Buffer.concat(streams.map((stream) => frame(3, 0, stream, Buffer.alloc(4)))));
  await server.saw(/breaks off too many requests/);
  await closed;
  assert.equal((await get(await server.url("/"))).status, 200);
  await server.stop();
});
