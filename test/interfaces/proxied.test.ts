// What applications learn of their client from a proxy that may say so.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { FetchEnv } from "../../src/interfaces/fetch.ts";
import { wsgi } from "../../src/interfaces/wsgi.ts";
import type { EngineConfig } from "../../src/protocols/engine.ts";
import { type Answer, serve } from "./serve.ts";

const KEYS = ["SCRIPT_NAME", "PATH_INFO", "REMOTE_ADDR", "REMOTE_PORT", "wsgi.url_scheme"] as const;

const environ = wsgi((environ, start) => {
  start("200 OK", [["Content-Type", "application/json"]]);
  const http = Object.entries(environ).filter(([key]) => /^HTTP_(?!HOST|CONNECTION)|^CONTENT_/.test(key));
  return [JSON.stringify([...KEYS.map((key) => environ[key]), Object.fromEntries(http)])];
});

async function ask(
  t: TestContext,
  path: string,
  headers: Readonly<Record<string, string>>,
  settings: Partial<EngineConfig> = {},
): Promise<Answer> {
  const { request } = await serve(t, environ, "wsgi", settings);
  return request({ path, headers });
}

const PROXIED = { "X-Forwarded-For": "192.0.2.1:4711", "X-Forwarded-Proto": "https" };
const HTTP = { HTTP_X_FORWARDED_FOR: "192.0.2.1:4711", HTTP_X_FORWARDED_PROTO: "https" };

test("an environ has the client, its scheme, and where the application is mounted", async (t) => {
  const { body } = await ask(t, "/shop/caf%C3%A9?a", { ...PROXIED, SCRIPT_NAME: "/shop" });
  assert.deepEqual(JSON.parse(body), [
    "/shop",
    "/café",
    "192.0.2.1",
    "4711",
    "https",
    { ...HTTP, HTTP_SCRIPT_NAME: "/shop" },
  ]);
});

test("an environ has a proxy's client without a port where none is told", async (t) => {
  const { body } = await ask(t, "/a", { "X-Forwarded-For": "192.0.2.1" });
  assert.deepEqual(JSON.parse(body).slice(0, 5), ["", "/a", "192.0.2.1", null, "http"]);
});

test("an environ has nothing from who is not trusted", async (t) => {
  const headers = { ...PROXIED, SCRIPT_NAME: "/shop" };
  const { body } = await ask(t, "/shop/a", headers, { forwardedAllowIps: [] });
  const [script, path, address, port, scheme, http] = JSON.parse(body);
  assert.deepEqual([script, path, address, scheme, http], ["", "/shop/a", "127.0.0.1", "http", HTTP]);
  assert.match(port, /^\d+$/);
});

test("rootPath mounts an application, and a path beside it fails as with Gunicorn", async (t) => {
  const { request, errors } = await serve(t, environ, "wsgi", { rootPath: "/shop" });
  for (const [path, info] of [
    ["/shop", ""],
    ["/shop/", "/"],
    ["/sh%6fp/a", "/a"],
  ] as const) {
    const { body } = await request({ path });
    assert.deepEqual(JSON.parse(body).slice(0, 2), ["/shop", info]);
  }
  for (const path of ["/", "/shopping", "/other"]) {
    assert.equal((await request({ path })).status, 500);
  }
  assert.match(errors[1] ?? "", /Request path "\/shopping" does not start with SCRIPT_NAME "\/shop"/);
});

test("headers with underscores are dropped, refused or let in", async (t) => {
  const headers = {
    X_Real_Ip: "192.0.2.9",
    "X-Real-Ip": "192.0.2.1",
    Content_Type: "x/y",
    REMOTE_USER: "joe",
  };
  const real = { HTTP_X_REAL_IP: "192.0.2.1" };
  const cases: readonly [Partial<EngineConfig>, object][] = [
    [{}, real],
    [{ forwarderHeaders: ["remote_user"] }, { ...real, HTTP_REMOTE_USER: "joe" }],
    [{ forwarderHeaders: ["REMOTE_USER"], forwardedAllowIps: [] }, real],
    [
      { headerMap: "dangerous" },
      { HTTP_X_REAL_IP: "192.0.2.9,192.0.2.1", HTTP_CONTENT_TYPE: "x/y", HTTP_REMOTE_USER: "joe" },
    ],
    [
      { forwarderHeaders: ["*"] },
      { HTTP_X_REAL_IP: "192.0.2.9,192.0.2.1", HTTP_CONTENT_TYPE: "x/y", HTTP_REMOTE_USER: "joe" },
    ],
  ];
  for (const [settings, expected] of cases) {
    const { body } = await ask(t, "/", headers, settings);
    assert.deepEqual(JSON.parse(body)[5], expected, JSON.stringify(settings));
  }
});

test("headers with underscores are refused whatever the interface, but for a proxy's own", async (t) => {
  const app = { fetch: () => new Response("served") };
  const status = async (
    headers: Record<string, string>,
    settings: Partial<EngineConfig>,
  ): Promise<number> => {
    const { request } = await serve(t, app, "auto", { headerMap: "refuse", ...settings });
    return (await request({ headers })).status;
  };
  assert.equal(await status({ X_A: "1" }, {}), 400);
  assert.equal(await status({ "X-A": "1", SCRIPT_NAME: "/" }, {}), 200);
  assert.equal(await status({ SCRIPT_NAME: "/" }, { forwardedAllowIps: [] }), 400);
  assert.equal(await status({ X_A: "1" }, { forwarderHeaders: ["*"] }), 200);
});

test("a fetch application has the client and the scheme", async (t) => {
  const app = { fetch: (request: Request, env: FetchEnv) => Response.json([request.url, env.client]) };
  const { request } = await serve(t, app);
  const { body } = await request({ path: "/a", headers: { Host: "app.example", ...PROXIED } });
  assert.deepEqual(JSON.parse(body), ["https://app.example/a", { address: "192.0.2.1", port: 4711 }]);
});
