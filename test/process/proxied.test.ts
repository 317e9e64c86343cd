// What a proxy says of its client, through the whole server: logs, reports, WSGI, threads, Unix sockets.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type Client, connect } from "../contract/client.ts";
import { ready } from "./client.ts";
import { openLatch } from "./latch.ts";
import { FIXTURES, start } from "./server.ts";

const ENVIRON = `
export default (environ, start) => {
  start("200 OK", [["Content-Length", "2"]]);
  console.log(["SCRIPT_NAME", "PATH_INFO", "REMOTE_ADDR", "REMOTE_PORT", "wsgi.url_scheme"].map((key) => environ[key]).join(" "));
  return ["ok"];
};
`;

for (const kind of ["sync", "threaded", "eventloop"]) {
  test(`${kind}: a proxy on a Unix socket is believed, by its headers and by PROXY`, async (t) => {
    const threads = kind === "threaded" ? ["--threads", "2"] : [];
    const args = [
      "-k",
      kind,
      ...threads,
      "-b",
      "unix:app.sock",
      "--proxy-protocol",
      "-e",
      "SCRIPT_NAME=/shop",
    ];
    const log = ["--access-logfile", "-", "--access-logformat", "log %(h)s %({remote_port}e)s"];
    const server = start(t, [...args, ...log, "--interface", "wsgi", "app.mjs"], {
      files: { "app.mjs": ENVIRON },
    });
    await server.saw(/Listening at/);
    const requests = [
      "GET /shop/a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n\r\n",
      "PROXY TCP6 2001:db8::1 ::1 4711 80\r\nGET /shop/b HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n",
      "GET /c HTTP/1.1\r\nHost: a\r\nSCRIPT_NAME: /\r\n\r\n",
    ];
    for (const request of requests) {
      const client = await connect(join(server.dir, "app.sock"));
      client.send(request);
      assert.equal((await client.response()).body, "ok", server.log());
      client.end();
      await client.closed();
    }
    await server.stop();
    // Threads write on their own.
    const lines = server.stdout().trimEnd().split("\n").sort();
    assert.deepEqual(
      lines.filter((line) => !line.startsWith("log")),
      [" /c   http", "/shop /a 192.0.2.1  https", "/shop /b 2001:db8::1 4711 http"],
    );
    assert.deepEqual(
      lines.filter((line) => line.startsWith("log")),
      ["log - -", "log 192.0.2.1 -", "log 2001:db8::1 4711"],
    );
  });
}

test("a report of a slow request names the client behind the proxy", async (t) => {
  const latch = await openLatch();
  t.after(() => latch.close());
  const app = `${join(FIXTURES, "apps.mjs")}:hold`;
  const server = start(t, ["-b", "unix:app.sock", "--slow-request", "0.1", app], {
    env: { LATCH: latch.path },
    expected: [/Slow|slow|from 192/],
  });
  await server.saw(/Listening at/);
  const client = await connect(join(server.dir, "app.sock"));
  client.send("GET /hold HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
  const held = await latch.held();
  await server.saw(/GET \/hold from 192\.0\.2\.1 for/);
  held.release();
  await client.response();
  await server.stop();
});

test("a reload and a stop do not wait for connections that have not finished their PROXY header", async (t) => {
  const app = `${join(FIXTURES, "apps.mjs")}:pid`;
  const args = [
    "-k",
    "eventloop",
    "-b",
    "unix:app.sock",
    "--proxy-protocol",
    "v1",
    "--log-level",
    "debug",
    app,
  ];
  const server = start(t, args);
  await ready(server, 1);
  const path = join(server.dir, "app.sock");
  const half = async (): Promise<Client> => {
    const client = await connect(path);
    client.send("PROXY TCP4 192.0");
    const other = await connect(path);
    assert.equal((await other.get()).status, 200);
    other.end();
    return client;
  };
  const first = await half();
  server.signal("SIGHUP");
  await server.saw(/Reload complete/);
  await first.closed();
  const second = await half();
  await server.stop();
  await second.closed();
});

test("an answer that breaks off behind a PROXY header on a Unix socket harms nobody else", async (t) => {
  const args = ["-k", "eventloop", "-b", "unix:app.sock", "--proxy-protocol", "app.mjs"];
  const server = start(t, args, {
    files: { "app.mjs": 'export default (req, res) => { res.write("half"); throw new Error("broken"); };' },
    expected: [/Error handling request/],
  });
  await server.saw(/Listening at/);
  for (let i = 0; i < 2; i++) {
    const client = await connect(join(server.dir, "app.sock"));
    client.send("PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\nGET / HTTP/1.0\r\n\r\n");
    await client.closed();
  }
  assert.equal(server.workerPids().length, 1);
  await server.stop();
  assert.equal(server.count(/Error: broken/), 2);
});
