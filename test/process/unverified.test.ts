// What applications are told of a client whose certificate is not accepted.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ready } from "./client.ts";
import { start } from "./server.ts";
import { ask, certified, pem, tlsPath } from "./tls-client.ts";

test("an application can tell a certificate that is not accepted where the sslContext hook lets it in", async (t) => {
  const apps = {
    wsgi: `(environ, startResponse) => {
      startResponse("200 OK", []);
      return [[environ.SSL_CLIENT_VERIFY, environ.SSL_CLIENT_S_DN].join()];
    }`,
    asgi: `async (scope, receive, send) => {
      if (scope.type !== "http") throw new Error("none");
      const { client_cert_error: error, client_cert_name: name } = scope.extensions.tls;
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: JSON.stringify([error, name]) });
    }`,
  };
  const reason = "DEPTH_ZERO_SELF_SIGNED_CERT";
  const told = {
    wsgi: ["SUCCESS,CN=a client,O=Tests,C=DE", `FAILED:${reason},CN=a stranger`, "NONE,"],
    asgi: ['[null,"CN=a client,O=Tests,C=DE"]', `["${reason}","CN=a stranger"]`, "[null,null]"],
  };
  for (const name of ["wsgi", "asgi"] as const) {
    const files = {
      "app.mjs": `export const app = ${apps[name]};`,
      "gunicorn.conf.mjs": `import { readFileSync } from "node:fs";
const ca = readFileSync(${JSON.stringify(tlsPath("ca.pem"))});
export const sslContext = (config, defaultOptions) =>
  ({ ...defaultOptions(), ca, requestCert: true, rejectUnauthorized: false });`,
    };
    const args = ["--interface", name, "-b", "127.0.0.1:0", "--log-level", "debug", "app:app"];
    const server = start(t, ["-c", "gunicorn.conf.mjs", ...certified("a"), ...args], { files });
    await ready(server, 1);
    const port = await server.port();
    const clients = ["client", "stranger"].map((who) => ({
      cert: pem(`${who}.pem`),
      key: pem(`${who}.key.pem`),
    }));
    const bodies = [];
    for (const own of [...clients, {}]) bodies.push((await ask({ port, ...own })).body);
    assert.deepEqual(bodies, told[name]);
    await server.stop();
  }
});
