// Probes of the service's own address: --health-path.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { speakers } from "../contract/speakers.ts";
import { get, ready } from "./client.ts";
import { start } from "./server.ts";

/** It takes what it mounts off the URL, as Express does. */
const APP = `export const app = (request, response) => {
  request.url = request.url.replace(/^\\/mounted/, "");
  response.end(request.method + " " + request.url);
};`;
/** None of this may happen to a probe. */
const CONF = `export default {
  preRequest: (worker, request) => { if (request.target.startsWith("/healthz?")) throw new Error("hooked"); },
  postRequest: (worker, request) => console.error("POST " + request.target),
  accessLogger: (entry) => console.error("ACCESS " + entry.target),
};`;
const LOCAL = ["-b", "127.0.0.1:0", "--log-level", "debug"];
const PROBED = ["--health-path", "/healthz"];

for (const kind of [["sync"], ["eventloop"], ["threaded", "--threads", "2"]]) {
  test(`${kind[0]}: a probe is answered, and is no request to anybody`, async (t) => {
    const server = start(
      t,
      [...LOCAL, ...PROBED, "-k", ...kind, "--max-requests", "5", "--access-logfile", "-", "app:app"],
      { files: { "app.mjs": APP, "gunicorn.conf.mjs": CONF } },
    );
    await ready(server, 1);
    const url = await server.url("/healthz");
    for (let i = 0; i < 20; i++) {
      const { status, body } = await get(i % 2 === 0 ? url : `${url}?i=${i}`);
      assert.deepEqual([status, body], [200, "ok\n"]);
    }
    assert.equal((await get(`${url}/more`)).body, "GET /healthz/more");
    assert.equal((await get(url.replace("/healthz", "/mounted/healthz"))).body, "GET /healthz");
    assert.equal((await fetch(url, { method: "HEAD" })).status, 200);
    assert.equal(await (await fetch(url, { method: "POST" })).text(), "POST /healthz");
    await server.stop();
    assert.equal(server.count(/Recycling/), 0);
    // Threads write each for itself, in no order.
    for (const who of ["POST", "ACCESS"]) {
      const told = server.log().matchAll(new RegExp(`^${who} (\\S+)$`, "gm"));
      assert.deepEqual([...told].map(([, target]) => target).sort(), [
        "/healthz",
        "/healthz/more",
        "/mounted/healthz",
      ]);
    }
    assert.deepEqual([...server.stdout().matchAll(/"(\w+ \S+) HTTP/g)].map(([, line]) => line).sort(), [
      "GET /healthz/more",
      "GET /mounted/healthz",
      "POST /healthz",
    ]);
  });
}

for (const kind of [["sync"], ["eventloop"], ["threaded", "--threads", "2"]]) {
  test(`${kind[0]}: it is red from TERM on, in workers that come later, too, while all is served`, async (t) => {
    const server = start(t, [...LOCAL, ...PROBED, "-k", ...kind, "--drain-delay", "60", "app:app"], {
      files: { "app.mjs": APP },
      expected: [/Worker died/],
    });
    await ready(server, 1);
    const [probe, service] = [await server.url("/healthz"), await server.url("/")];
    assert.equal((await get(probe)).status, 200);
    server.signal("SIGTERM");
    await server.saw(/Stopping in 60 s/);
    // The message is on its way.
    let answer = await get(probe);
    while (answer.status === 200) answer = await get(probe);
    assert.deepEqual([answer.status, answer.body], [503, "the server stops\n"]);
    assert.equal((await get(service)).status, 200);
    server.signal("SIGKILL", server.workerPids()[0] ?? 0);
    await ready(server, 2);
    assert.equal((await get(probe)).status, 503);
    assert.equal((await get(service)).status, 200);
    server.signal("SIGINT");
    await server.stop();
  });
}

test("a worker that leaves for a reload says nothing of the service, which goes on", async (t) => {
  const server = start(t, [...LOCAL, ...PROBED, "-k", "eventloop", "--keep-alive", "60", "app:app"], {
    files: { "app.mjs": APP },
  });
  await ready(server, 1);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const probe = await server.url("/healthz");
  assert.equal((await get(probe, agent)).connection, "keep-alive");
  server.signal("SIGHUP");
  await server.saw(/Draining worker=1 gen=1/);
  await server.saw(/Reload complete/);
  const { status, connection } = await get(probe, agent);
  assert.deepEqual([status, connection], [200, "close"]);
  await server.stop();
});

for (const speaker of speakers) {
  test(`${speaker.protocol}: a probe is answered`, async (t) => {
    const spoken =
      speaker.protocol === "http2"
        ? ["-b", "127.0.0.1:0", "--http-protocols", "h1,h2"]
        : ["-b", `${speaker.protocol}://127.0.0.1:0`];
    const server = start(t, [...PROBED, ...spoken, "--log-level", "debug", "app:app"], {
      files: { "app.mjs": APP },
      expected: [/httpProtocols: h2 on Node \S+ has known holes/],
    });
    await ready(server, 1);
    const conversation = await speaker.ask(await server.port(), { target: "/healthz" });
    const { status, body } = await conversation.answer();
    const pieces: Buffer[] = [];
    for await (const piece of body) pieces.push(piece);
    conversation.leave();
    assert.deepEqual([status, Buffer.concat(pieces).toString()], [200, "ok\n"]);
    await server.stop();
  });
}

test("a path that is none is refused", async (t) => {
  const server = start(t, [...LOCAL, "--health-path", "healthz", "app:app"], { files: { "app.mjs": APP } });
  assert.equal((await server.exited).code, 1);
  assert.match(
    server.log(),
    /--health-path: expected a path that begins with \/, without \? or #, got "healthz"/,
  );
});
