import assert from "node:assert/strict";
import { copyFileSync, renameSync, writeFileSync } from "node:fs";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { FIXTURES, type Server, scratch, start } from "./server.ts";
import { ask, certified, pem, tlsPath } from "./tls-client.ts";

const APPS = join(FIXTURES, "apps.mjs");
const ARGS = ["-b", "127.0.0.1:0", "--log-level", "debug", "--chdir", FIXTURES, "apps:secured"];

for (const kind of ["sync", "eventloop", "threaded"]) {
  test(`${kind}: the address is https, and so is the request`, async (t) => {
    const server = start(t, ["-k", kind, ...certified("a"), ...ARGS]);
    await ready(server, 1);
    await server.saw(/Listening at: https:\/\/127\.0\.0\.1:\d+ /);
    const port = await server.port();
    const { status, body, certificate } = await ask({ port, path: "/x" });
    assert.equal(status, 200);
    assert.deepEqual({ ...JSON.parse(body), pid: 0 }, { pid: 0, encrypted: true, url: "/x" });
    assert.equal(certificate, "a.test");
    assert.equal(server.log().includes("PRIVATE"), false);
    await server.stop();
  });
}

test("an address that says http:// stays plain beside one that says https://", async (t) => {
  const plain = start(t, [...certified("a"), "-b", "http://127.0.0.1:0", ...ARGS]);
  await ready(plain, 1);
  const [, http, tls] = await plain.saw(
    /Listening at: http:\/\/127\.0\.0\.1:(\d+),https:\/\/127\.0\.0\.1:(\d+) /,
  );
  assert.equal(JSON.parse((await get(`http://127.0.0.1:${http}/`)).body).encrypted, false);
  assert.equal(JSON.parse((await ask({ port: Number(tls) })).body).encrypted, true);
  await plain.stop();
});

test("of several certificates a client gets the one it asks for", async (t) => {
  const server = start(t, [...certified("a"), ...certified("b"), ...ARGS]);
  await ready(server, 1);
  const port = await server.port();
  const certificateFor = async (servername: string): Promise<string> =>
    (await ask({ port, servername, checkServerIdentity: () => undefined })).certificate;
  assert.equal(await certificateFor("a.test"), "a.test");
  assert.equal(await certificateFor("B.test"), "b.test");
  assert.equal(await certificateFor("x.b.test"), "b.test");
  assert.equal(await certificateFor("x.y.b.test"), "a.test");
  assert.equal(await certificateFor("c.test"), "a.test");
  await server.stop();
});

test("client certificates: none is refused, a stranger's is, a known one is the application's to see", async (t) => {
  for (const wanted of ["required", "1"]) {
    const server = start(t, [
      ...certified("a"),
      "--ca-certs",
      tlsPath("ca.pem"),
      "--cert-reqs",
      wanted,
      ...ARGS,
    ]);
    await ready(server, 1);
    const port = await server.port();
    const known = await ask({ port, cert: pem("client.pem"), key: pem("client.key.pem") });
    assert.equal(JSON.parse(known.body).client, "a client");
    const stranger = { cert: pem("stranger.pem"), key: pem("stranger.key.pem") };
    await assert.rejects(ask({ port, ...stranger }), wanted);
    if (wanted === "1") assert.equal((await ask({ port })).status, 200);
    else await assert.rejects(ask({ port }));
    await server.saw(/TLS handshake failed with ip=127\.0\.0\.1/);
    await server.stop();
  }
});

test("a WSGI application has the client's certificate in its environ", async (t) => {
  const files = {
    "app.mjs": `export const app = (environ, startResponse) => {
  startResponse("200 OK", []);
  return [JSON.stringify(environ, (key, value) => (key === "" || typeof value === "string" ? value : undefined))];
};`,
  };
  const verify = ["--ca-certs", tlsPath("ca.pem"), "--cert-reqs", "optional"];
  const args = ["--interface", "wsgi", "-b", "127.0.0.1:0", "--log-level", "debug", "app:app"];
  const server = start(t, [...certified("a"), ...verify, ...args], { files });
  await ready(server, 1);
  const port = await server.port();
  const known = JSON.parse((await ask({ port, cert: pem("client.pem"), key: pem("client.key.pem") })).body);
  assert.equal(known["wsgi.url_scheme"], "https");
  assert.equal(known.SSL_CLIENT_VERIFY, "SUCCESS");
  assert.equal(known.SSL_CLIENT_S_DN, "CN=a client,O=Tests,C=DE");
  assert.equal(known.SSL_CLIENT_CERT, pem("client.pem"));
  const unknown = JSON.parse((await ask({ port })).body);
  assert.equal(unknown.SSL_CLIENT_VERIFY, "NONE");
  assert.equal(unknown.SSL_CLIENT_S_DN, undefined);
  await server.stop();
});

/** What each interface tells of the client's certificate: its common name. */
const TELLING = {
  node: `(req, res) => res.end(String(req.socket.getPeerCertificate().subject?.CN))`,
  fetch: `{ fetch: (request, { connection }) =>
    new Response(String(connection.tls.getPeerCertificate().subject?.CN)) }`,
  wsgi: `(environ, startResponse) => {
    startResponse("200 OK", []);
    return [String(environ.SSL_CLIENT_S_DN_CN)];
  }`,
  asgi: `async (scope, receive, send) => {
    if (scope.type !== "http") throw new Error("none");
    const { tls } = scope.extensions;
    const name = tls.client_cert_name?.split(",")[0].slice("CN=".length);
    if (tls.tls_version !== 0x304 || tls.cipher_suite === null) throw new Error(JSON.stringify(tls));
    await send({ type: "http.response.start", status: 200, headers: [["x-chain", String(tls.client_cert_chain.length)]] });
    await send({ type: "http.response.body", body: String(name) });
  }`,
};

for (const [name, app] of Object.entries(TELLING)) {
  test(`${name}: the application sees the client's certificate, by HTTP/1 and HTTP/2`, async (t) => {
    const verify = ["--ca-certs", tlsPath("ca.pem"), "--cert-reqs", "optional", "--http-protocols", "h2,h1"];
    const args = [
      "-k",
      "eventloop",
      "--interface",
      name,
      "-b",
      "127.0.0.1:0",
      "--log-level",
      "debug",
      "app:app",
    ];
    const server = start(t, [...certified("a"), ...verify, ...args], {
      files: { "app.mjs": `export const app = ${app};` },
      expected: [/httpProtocols: h2 on Node \S+ has known holes/],
    });
    await ready(server, 1);
    const port = await server.port();
    const own = { cert: pem("client.pem"), key: pem("client.key.pem") };
    assert.equal((await ask({ port, ...own })).body, "a client");
    assert.equal((await ask({ port })).body, "undefined");
    const session = http2.connect(`https://a.test:${port}`, {
      ...own,
      ca: pem("ca.pem"),
      lookup: (_host, _options, found) => found(null, [{ address: "127.0.0.1", family: 4 }]),
    });
    assert.equal(await text(session.request()), "a client");
    session.destroy();
    await server.stop();
  });
}

test("TLS below the least version, and with no common version of HTTP, is refused quietly", async (t) => {
  const server = start(t, [...certified("a"), "--tls-min-version", "TLSv1.3", ...ARGS]);
  await ready(server, 1);
  const port = await server.port();
  await assert.rejects(ask({ port, maxVersion: "TLSv1.2" }), /alert protocol version/);
  await assert.rejects(ask({ port, ALPNProtocols: ["h2"] }));
  assert.equal((await ask({ port, minVersion: "TLSv1.3" })).status, 200);
  await server.stop();
});

test("plain HTTP on an HTTPS port is told so, and TLS on a plain one is named in the log", async (t) => {
  const expected = [/Invalid request from ip=127\.0\.0\.1/];
  const secure = start(t, [...certified("a"), ...ARGS], { expected });
  const { status, body } = await get(`http://127.0.0.1:${await secure.port()}/`);
  assert.deepEqual({ status, body }, { status: 400, body: "400 Plain HTTP was sent to an HTTPS port\n" });
  await secure.saw(/Invalid request from ip=127\.0\.0\.1: Plain HTTP was sent to an HTTPS port/);
  await secure.stop();
  const plain = start(t, ARGS, { expected });
  await assert.rejects(ask({ port: await plain.port() }));
  await plain.saw(/Invalid request from ip=127\.0\.0\.1: TLS was sent to a plain HTTP port/);
  await plain.stop();
});

/** A directory with the certificate that the server is to use, and a way to put another in its place. */
function certificates(t: Parameters<typeof scratch>[0]) {
  const dir = scratch(t);
  const replace = (name: string, ending: string): void => {
    const path = join(dir, `server${ending}`);
    copyFileSync(tlsPath(`${name}${ending}`), `${path}.tmp`);
    renameSync(`${path}.tmp`, path);
  };
  const put = (name: string): void => {
    replace(name, ".pem");
    replace(name, ".key.pem");
  };
  put("a");
  const args = ["--certfile", join(dir, "server.pem"), "--keyfile", join(dir, "server.key.pem")];
  return { dir, args, put, replace };
}

const certificateOf = async (server: Server): Promise<string> =>
  (await ask({ port: await server.port(), checkServerIdentity: () => undefined })).certificate;

test("HUP reads the certificates anew; what can't be used fails the reload, with its place", async (t) => {
  const { dir, args, put } = certificates(t);
  const server = start(t, [...args, ...ARGS], { expected: [/Reload aborted/] });
  await ready(server, 1);
  assert.equal(await certificateOf(server), "a.test");
  put("b");
  server.signal("SIGHUP");
  await server.saw(/Reload complete: generation 2/);
  assert.equal(await certificateOf(server), "b.test");
  writeFileSync(join(dir, "server.key.pem"), "nothing");
  server.signal("SIGHUP");
  await server.saw(/Reload aborted.*--keyfile: keyfile: .*server\.key\.pem holds no private key in PEM/);
  assert.equal(await certificateOf(server), "b.test");
  await server.stop();
});

for (const kind of ["eventloop", "threaded"]) {
  test(`${kind}: tlsWatch takes changed certificates into use, and no connection notices`, async (t) => {
    const { args, put, replace } = certificates(t);
    const expected = [/can't be used, the former stay/];
    const server = start(t, ["-k", kind, "--keep-alive", "60", "--tls-watch", ...args, ...ARGS], {
      expected,
    });
    await ready(server, 1);
    const port = await server.port();
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const before = await ask({ port, agent });
    put("b");
    await server.saw(/Handshakes use the changed certificates/);
    assert.equal(await certificateOf(server), "b.test");
    const after = await ask({ port, agent });
    assert.equal(after.certificate, "a.test", "it is the same connection");
    assert.equal(after.body, before.body, "and the same worker");
    replace("a", ".pem");
    await server.saw(/can't be used, the former stay: .*server\.key\.pem does not hold the key of/);
    assert.equal(await certificateOf(server), "b.test");
    replace("a", ".key.pem");
    await server.saw(/Handshakes use the changed certificates/, 2);
    assert.equal(await certificateOf(server), "a.test");
    assert.equal(server.workerPids().length, 1);
    agent.destroy();
    await server.stop();
  });
}

test("a session is resumed by another worker", async (t) => {
  const server = start(t, ["-w", "2", ...certified("a"), ...ARGS]);
  await ready(server, 2);
  const port = await server.port();
  const first = await ask({ port, maxVersion: "TLSv1.2" });
  const pids = new Set([JSON.parse(first.body).pid]);
  for (let tries = 0; pids.size < 2 && tries < 200; tries++) {
    const next = await ask({ port, maxVersion: "TLSv1.2", session: first.session });
    assert.equal(next.resumed, true);
    pids.add(JSON.parse(next.body).pid);
  }
  await server.stop();
});

test("the sslContext hook has the last word", async (t) => {
  const server = start(t, ["-c", "gunicorn.conf.mjs", "--log-level", "debug"], {
    files: {
      "gunicorn.conf.mjs": `import { readFileSync } from "node:fs";
export default {
  bind: "https://127.0.0.1:0",
  app: ${JSON.stringify(`${APPS}:secured`)},
  sslContext: async (config, defaultOptions) => ({
    ...defaultOptions(),
    cert: readFileSync(${JSON.stringify(tlsPath("b.pem"))}),
    key: readFileSync(${JSON.stringify(tlsPath("b.key.pem"))}),
  }),
};`,
    },
  });
  await ready(server, 1);
  assert.equal(await certificateOf(server), "b.test");
  await server.stop();
});

test("a certificate that can't be used ends the start, with every problem and its origin", async (t) => {
  for (const more of [[], ["--check-config"]]) {
    const server = start(t, [
      ...ARGS,
      ...more,
      "--certfile",
      tlsPath("a.pem"),
      "--keyfile",
      tlsPath("b.key.pem"),
      "--ca-certs",
      tlsPath("missing.pem"),
      "--ciphers",
      "NONSENSE",
    ]);
    assert.equal((await server.exited).code, 1);
    assert.match(
      server.log(),
      /--keyfile: keyfile: .*b\.key\.pem does not hold the key of the certificate in .*a\.pem/,
    );
    assert.match(server.log(), /--ca-certs: caCerts: can't read .*missing\.pem: ENOENT/);
    assert.match(server.log(), /--ciphers: ciphers: OpenSSL takes none of "NONSENSE"/);
  }
});

test("a handshake that never ends holds no stop up", async (t) => {
  const server = start(t, [...certified("a"), "--graceful-timeout", "20", ...ARGS]);
  await ready(server, 1);
  const port = await server.port();
  const half = net.connect(port, "127.0.0.1", () => half.write(Buffer.from([0x16, 3, 1, 2, 0, 1])));
  t.after(() => half.destroy());
  half.on("error", () => undefined);
  await ask({ port });
  const began = performance.now();
  await server.stop();
  assert.ok(performance.now() - began < 10_000);
});
