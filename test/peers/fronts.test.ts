// Whole deployments: the files of deploy/, as they stand there but for ports, paths and names, each before a real server.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { WebSocket } from "ws";
import { get } from "../process/client.ts";
import { openLatch } from "../process/latch.ts";
import { startLoad } from "../process/load.ts";
import { FIXTURES, type Server, scratch, start, type Undo } from "../process/server.ts";
import { deployed, type Running, startApache, startCaddy, startHaproxy, startNginx } from "./fronts.ts";
import { hasPeers } from "./peer.ts";
import { freePort } from "./port.ts";

const APP = `${join(FIXTURES, "fronted.mjs")}:server`;
/** Another address of this machine, which nobody trusts. */
const CLIENT = "127.0.0.2";
const LOG = ["--access-logfile", "-", "--access-logformat", "%(h)s %({wsgi.url_scheme}e)s %(U)s"];

interface Front {
  readonly name: string;
  readonly program: string;
  /** Options of the server behind it. */
  readonly options?: readonly string[];
  readonly begin: (t: Undo, place: Place) => Promise<Running>;
}

interface Place {
  readonly port: number;
  /** Where the server listens. */
  readonly tcp: string;
  readonly unix: string;
}

const nginx =
  (file: string) =>
  (t: Undo, { port, tcp, unix }: Place) => {
    const upstream: Record<string, string> = file.includes("unix")
      ? { "unix:/run/app/app.sock": unix }
      : { "127.0.0.1:8000": tcp };
    return startNginx(t, deployed(file, { "listen 80;": `listen 127.0.0.1:${port};`, ...upstream }), [port]);
  };
const haproxy =
  (file: string, more: Readonly<Record<string, string>> = {}) =>
  (t: Undo, { port, tcp }: Place) => {
    const changes = { "bind :80": `bind 127.0.0.1:${port}`, "127.0.0.1:8000": tcp, ...more };
    return startHaproxy(t, deployed(file, changes), [port]);
  };

const FRONTS: readonly Front[] = [
  { name: "nginx over TCP", program: "nginx", begin: nginx("nginx/http.conf") },
  { name: "nginx over a unix socket", program: "nginx", begin: nginx("nginx/unix.conf") },
  {
    name: "Apache",
    program: "apache2",
    begin: (t, { port, tcp }) =>
      startApache(t, deployed("apache/http.conf", { "*:80": `*:${port}`, "127.0.0.1:8000": tcp }), [port]),
  },
  { name: "HAProxy", program: "haproxy", begin: haproxy("haproxy/http.cfg") },
  {
    name: "HAProxy with PROXY v2",
    program: "haproxy",
    options: ["--proxy-protocol", "v2"],
    begin: haproxy("haproxy/proxy.cfg"),
  },
  {
    name: "HAProxy with PROXY v1",
    program: "haproxy",
    options: ["--proxy-protocol", "v1"],
    begin: haproxy("haproxy/proxy.cfg", { " send-proxy-v2": " send-proxy" }),
  },
  {
    name: "Caddy",
    program: "caddy",
    begin: (t, { port, tcp }) => {
      const changes = { "app.example {": `http://127.0.0.1:${port} {`, "127.0.0.1:8000": tcp };
      return startCaddy(t, deployed("caddy/Caddyfile", changes), [port]);
    },
  },
];

interface Deployment {
  readonly server: Server;
  readonly front: Running;
}

async function deploy(
  t: Undo,
  { begin, options = [] }: Front,
  more: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Deployment> {
  const dir = scratch(t);
  // The front's workers may be somebody else.
  chmodSync(dir, 0o755);
  const unix = `unix:${join(dir, "app.sock")}`;
  const binds = ["-b", "127.0.0.1:0", "-b", unix];
  const server = start(t, ["-k", "eventloop", "--keep-alive", "75", ...binds, ...options, ...more, APP], {
    env,
  });
  const tcp = `127.0.0.1:${await server.port()}`;
  return { server, front: await begin(t, { port: await freePort(), tcp, unix }) };
}

/** Asks as a client whom nobody trusts. */
async function ask(
  url: string,
  options: http.RequestOptions = {},
  body?: Buffer,
): Promise<http.IncomingMessage> {
  const request = http.request(url, { localAddress: CLIENT, agent: false, ...options });
  request.end(body);
  const [response]: http.IncomingMessage[] = await once(request, "response");
  assert.ok(response !== undefined);
  return response;
}

for (const front of FRONTS) {
  test(`${front.name}: client and scheme, whatever the client claims`, async (t) => {
    if (!hasPeers(t, front.program)) return;
    const { server, front: running } = await deploy(t, front, LOG);
    const claims = {
      "X-Forwarded-For": "9.9.9.9",
      "X-Forwarded-Proto": "https",
      Forwarded: "for=9.9.9.9;proto=https",
      SCRIPT_NAME: "/evil",
    };
    for (const headers of [{}, claims]) {
      const response = await ask(running.url("/headers"), { headers });
      assert.equal(response.statusCode, 200, running.log());
      const seen: unknown = JSON.parse(await text(response));
      assert.ok(typeof seen === "object" && seen !== null);
      // Where the front speaks HTTP it throws away what would be believed.
      if (front.options === undefined) assert.ok(!("forwarded" in seen) && !("script_name" in seen));
    }
    await running.stop();
    await server.stop();
    assert.deepEqual(server.stdout().trim().split("\n"), [
      `${CLIENT} http /headers`,
      `${CLIENT} http /headers`,
    ]);
  });

  test(`${front.name}: streams, uploads, WebSocket, kept connections`, async (t) => {
    if (!hasPeers(t, front.program)) return;
    const latch = await openLatch();
    t.after(() => latch.close());
    const { server, front: running } = await deploy(t, front, [], { LATCH: latch.path });

    const streaming = await ask(running.url("/stream"));
    const [first] = await once(streaming, "data");
    assert.equal(String(first), "data: first\n\n");
    (await latch.held()).release();
    assert.equal(await text(streaming), "data: last\n\n");

    const body = randomBytes(4 << 20);
    const uploaded = await ask(running.url("/upload"), { method: "POST" }, body);
    assert.equal(await text(uploaded), createHash("sha256").update(body).digest("hex"));

    const socket = new WebSocket(running.url("/").replace("http:", "ws:"));
    await once(socket, "open");
    socket.send("hello");
    const [echo] = await once(socket, "message");
    assert.equal(String(echo), "hello!");
    socket.close();
    await once(socket, "close");

    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const numbers = new Set<string>();
    for (let i = 0; i < 3; i++) numbers.add(await text(await ask(running.url("/connection"), { agent })));
    agent.destroy();
    // HAProxy takes a fresh one for a client's first request.
    assert.ok(numbers.size < 3, "each request had a connection of its own");

    await running.stop();
    await server.stop();
  });
}

test("TLS that a front took off: nginx says so in a header, HAProxy in PROXY v2", async (t) => {
  if (!hasPeers(t, "nginx", "haproxy", "openssl")) return;
  const dir = scratch(t);
  const [key, cert, both] = ["key.pem", "cert.pem", "both.pem"].map((name) => join(dir, name));
  assert.ok(key !== undefined && cert !== undefined && both !== undefined);
  const request =
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -days 2";
  execFileSync("openssl", [...request.split(" "), "-keyout", key, "-out", cert], { stdio: "ignore" });
  writeFileSync(both, readFileSync(cert, "utf8") + readFileSync(key, "utf8"));
  const fronts: readonly Front[] = [
    {
      name: "nginx",
      program: "nginx",
      begin: (t, { port, tcp }) => {
        const listen = `listen 127.0.0.1:${port} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key};`;
        return startNginx(t, deployed("nginx/http.conf", { "listen 80;": listen, "127.0.0.1:8000": tcp }), [
          port,
        ]);
      },
    },
    {
      name: "HAProxy",
      program: "haproxy",
      options: ["--proxy-protocol"],
      begin: (t, { port, tcp }) => {
        const changes = {
          "bind :80": `bind 127.0.0.1:${port} ssl crt ${both}`,
          "127.0.0.1:8000": tcp,
          " send-proxy-v2": " send-proxy-v2-ssl",
        };
        return startHaproxy(t, deployed("haproxy/proxy.cfg", changes), [port]);
      },
    },
  ];
  for (const front of fronts) {
    const { server, front: running } = await deploy(t, front, LOG);
    const url = running.url("/").replace("http:", "https:");
    const request = https.get(url, { localAddress: CLIENT, agent: false, rejectUnauthorized: false });
    const [response]: http.IncomingMessage[] = await once(request, "response");
    assert.ok(response !== undefined);
    assert.equal(await text(response), "hello", running.log());
    await running.stop();
    await server.stop();
    assert.equal(server.stdout(), `${CLIENT} https /\n`, front.name);
  }
});

test("TLS that HAProxy passes on untouched behind a PROXY header", async (t) => {
  if (!hasPeers(t, "haproxy")) return;
  const tls = (name: string): string => join(FIXTURES, "tls", name);
  for (const version of ["v1", "v2"]) {
    const front: Front = {
      name: "HAProxy",
      program: "haproxy",
      options: ["--proxy-protocol", version, "--certfile", tls("a.pem"), "--keyfile", tls("a.key.pem")],
      begin: haproxy("haproxy/proxy.cfg", version === "v1" ? { " send-proxy-v2": " send-proxy" } : {}),
    };
    const { server, front: running } = await deploy(t, front, LOG);
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
    for (let i = 0; i < 2; i++) {
      const options = { localAddress: CLIENT, agent };
      const [response]: http.IncomingMessage[] = await once(
        https.get(running.url("/peer").replace("http:", "https:"), options),
        "response",
      );
      assert.ok(response !== undefined);
      assert.equal(await text(response), CLIENT, running.log());
    }
    agent.destroy();
    await running.stop();
    await server.stop();
    assert.equal(server.stdout(), `${CLIENT} https /peer\n`.repeat(2));
  }
});

test("nginx over a unix socket: reloads under load lose nothing", async (t) => {
  if (!hasPeers(t, "nginx")) return;
  const front = FRONTS.find(({ name }) => name === "nginx over a unix socket");
  assert.ok(front !== undefined);
  const { server, front: running } = await deploy(t, front, ["-w", "2", "--keep-alive", "2"]);
  const load = startLoad([running.url()], { clients: 4, keepAlive: true });
  for (let i = 1; i <= 3; i++) {
    await load.more(50);
    server.signal("SIGHUP");
    await server.saw(/Reload complete/, i);
  }
  await load.more(50);
  await load.stop();
  assert.deepEqual(load.failures, [], running.log());
  assert.equal((await get(running.url())).status, 200);
  await running.stop();
  await server.stop();
});
