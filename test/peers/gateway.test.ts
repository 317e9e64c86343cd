// uwsgi, FastCGI and SCGI as nginx, Apache, uWSGI's router and cgi-fcgi speak them, with the files of deploy/.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { promisify } from "node:util";
import { get } from "../process/client.ts";
import { openLatch } from "../process/latch.ts";
import { startLoad } from "../process/load.ts";
import { FIXTURES, type Server, start } from "../process/server.ts";
import { deployed, type Running, startApache, startNginx, startUwsgiRouter } from "./fronts.ts";
import { hasPeers } from "./peer.ts";
import { freePort } from "./port.ts";

const APP = `${join(FIXTURES, "gateway.mjs")}:app`;

const PROTOCOLS = [
  { name: "uwsgi", port: 3031 },
  { name: "fastcgi", port: 9000 },
  { name: "scgi", port: 4000 },
] as const;

interface Place {
  readonly server: Server;
  /** What a front is to connect to: `127.0.0.1:PORT` or `unix:PATH`. */
  readonly address: string;
}

async function place(
  t: TestContext,
  protocol: string,
  options: { unix?: boolean; env?: Record<string, string>; expected?: RegExp[]; args?: string[] } = {},
): Promise<Place> {
  const bind = options.unix === true ? "unix:app.sock" : "127.0.0.1:0";
  const args = [
    "-k",
    "eventloop",
    "--interface",
    "wsgi",
    "-b",
    `${protocol}://${bind}`,
    ...(options.args ?? []),
  ];
  const server = start(t, [...args, APP], { env: options.env ?? {}, expected: options.expected ?? [] });
  const [, address = ""] = await server.saw(/Listening at: \w+:\/\/([^\s,]+)/);
  return { server, address };
}

async function nginx(t: TestContext, protocol: string, port: number, address: string): Promise<Running> {
  const own = await freePort();
  const changes = { [`127.0.0.1:${port}`]: address, "listen 80;": `listen 127.0.0.1:${own};` };
  // The comment names the address as well.
  return startNginx(t, deployed(`nginx/${protocol}.conf`, changes), [own]);
}

async function apache(t: TestContext, protocol: string, port: number, address: string): Promise<Running> {
  const own = await freePort();
  const changes = { [`127.0.0.1:${port}`]: address, "<VirtualHost *:80>": `<VirtualHost *:${own}>` };
  return startApache(t, deployed(`apache/${protocol}.conf`, changes), [own]);
}

async function ask(url: string, options: http.RequestOptions = {}, body?: Buffer): Promise<IncomingMessage> {
  const req = http.request(url, { agent: false, ...options });
  req.end(body);
  const [res]: IncomingMessage[] = await once(req, "response");
  assert.ok(res);
  return res;
}

async function serves(front: Running, takesChunks = true): Promise<void> {
  const seen: Record<string, unknown> = JSON.parse(
    await text(await ask(front.url("/caf%C3%A9/a?x=%20y"), { headers: { "X-In": "in" } })),
  );
  assert.deepEqual(
    [seen.REQUEST_METHOD, seen.SCRIPT_NAME, seen.PATH_INFO, seen.QUERY_STRING, seen.RAW_URI, seen.HTTP_X_IN],
    ["GET", "", "/café/a", "x=%20y", "/caf%C3%A9/a?x=%20y", "in"],
    front.log(),
  );
  assert.deepEqual([seen.REMOTE_ADDR, seen["wsgi.url_scheme"]], ["127.0.0.1", "http"]);

  const head = await ask(front.url("/"), { method: "HEAD" });
  assert.equal(head.statusCode, 200);
  assert.equal(await text(head), "");

  const body = randomBytes(3_000_000);
  const hash = createHash("sha256").update(body).digest("hex");
  const length = { "content-length": body.length };
  assert.equal(await text(await ask(front.url("/upload"), { method: "POST", headers: length }, body)), hash);
  if (!takesChunks) return;
  const chunked = { "transfer-encoding": "chunked" };
  assert.equal(await text(await ask(front.url("/upload"), { method: "POST", headers: chunked }, body)), hash);
}

/** Pieces come as they are made, and an answer that breaks off is not taken for whole. */
async function streams(front: Running, latch: Awaited<ReturnType<typeof openLatch>>): Promise<void> {
  const res = await ask(front.url("/stream"));
  const held = await latch.held();
  const [first] = await once(res, "data");
  assert.equal(String(first), "first");
  held.release();
  assert.equal(await text(res), "last");

  const broken = await ask(front.url("/broken"));
  const holding = await latch.held();
  await once(broken, "data");
  holding.release();
  await assert.rejects(text(broken), "the front has taken a broken answer for whole");
}

const BROKEN = [/Error handling request "?\/broken/];

for (const { name, port } of PROTOCOLS) {
  describe(name, () => {
    for (const unix of [false, true]) {
      it(`nginx, as deploy/nginx/${name}.conf has it, over ${unix ? "a unix socket" : "TCP"}`, async (t) => {
        if (!hasPeers(t, "nginx")) return;
        const latch = await openLatch();
        t.after(() => latch.close());
        const { server, address } = await place(t, name, {
          unix,
          env: { LATCH: latch.path },
          expected: BROKEN,
        });
        const front = await nginx(t, name, port, unix ? `unix:${join(server.dir, "app.sock")}` : address);
        await serves(front);
        const shop: Record<string, unknown> = JSON.parse(await text(await ask(front.url("/shop/a%20b"))));
        assert.deepEqual([shop.SCRIPT_NAME, shop.PATH_INFO], ["/shop", "/a b"]);
        // A unix socket knows no reset, by which alone an answer without a length could be told to be broken.
        if (!unix || name === "fastcgi") await streams(front, latch);
        await front.stop();
        await server.stop();
      });
    }

    it(`Apache, as deploy/apache/${name}.conf has it`, async (t) => {
      if (!hasPeers(t, "apache2")) return;
      const { server, address } = await place(t, name);
      const front = await apache(t, name, port, address);
      // It answers 411 itself where it would have to tell a length.
      await serves(front, name === "fastcgi");
      await front.stop();
      await server.stop();
    });

    it("loses nothing behind nginx while workers are replaced and the server is reloaded", async (t) => {
      if (!hasPeers(t, "nginx")) return;
      const { server, address } = await place(t, name, { args: ["-w", "2"] });
      const front = await nginx(t, name, port, address);
      const load = startLoad([front.url("/pid")], { clients: 6, keepAlive: true });
      for (let reload = 1; reload <= 4; reload++) {
        await load.more(100);
        server.signal("SIGHUP");
        await server.saw(/Reload complete/, reload);
        await load.more(100);
      }
      await load.stop();
      assert.deepEqual(load.failures, [], front.log());
      await front.stop();
      await server.stop();
    });
  });
}

it("uWSGI's router speaks uwsgi to us", async (t) => {
  if (!hasPeers(t, "uwsgi")) return;
  const { server, address } = await place(t, "uwsgi");
  const own = await freePort();
  const front = await startUwsgiRouter(t, own, address);
  const seen: Record<string, unknown> = JSON.parse(await text(await ask(front.url("/a%20b?c"))));
  assert.deepEqual([seen.PATH_INFO, seen.QUERY_STRING, seen.REMOTE_ADDR], ["/a b", "c", "127.0.0.1"]);
  await front.stop();
  await server.stop();
});

it("cgi-fcgi gets its answer", async (t) => {
  if (!hasPeers(t, "cgi-fcgi")) return;
  const { server, address } = await place(t, "fastcgi");
  const env = { ...process.env, REQUEST_METHOD: "GET", REQUEST_URI: "/a%20b?c", SERVER_PROTOCOL: "HTTP/1.1" };
  const { stdout } = await promisify(execFile)("cgi-fcgi", ["-bind", "-connect", address], { env });
  assert.match(stdout, /^Status: 200 OK\r\n/);
  assert.match(stdout, /"PATH_INFO":"\/a b"/);
  await server.stop();
});

it("all of them beside plain HTTP in one server, and the log says who came to the wrong address", async (t) => {
  const expected = [/Invalid request from ip=127\.0\.0\.1: HTTP on a uwsgi address/];
  const bind = ["-b", "127.0.0.1:0", "-b", "uwsgi://127.0.0.1:0", "-b", "fastcgi://127.0.0.1:0"];
  const server = start(t, ["--interface", "wsgi", ...bind, APP], { expected });
  assert.equal((await get(await server.url("/pid"))).status, 200);
  const [, port = ""] = await server.saw(/uwsgi:\/\/127\.0\.0\.1:(\d+)/);
  assert.equal((await get(`http://127.0.0.1:${port}/`)).status, 400);
  await server.saw(/HTTP on a uwsgi address/);
  await server.stop();
});
