// Chromium as the client: a page whose script opens a WebSocket and an EventSource, and tells the server what it got.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ready } from "../process/client.ts";
import { start } from "../process/server.ts";
import { hasPeers } from "./peer.ts";

/** It posts one line when it has all, and another when its WebSocket is closed. */
const PAGE = `<!doctype html>
<title>A page</title>
<script type="module">
  const tell = (what) => fetch("/told", { method: "POST", body: JSON.stringify(what) });
  const next = (from, type) => new Promise((resolve) => from.addEventListener(type, resolve, { once: true }));

  const socket = new WebSocket(location.href.replace("http", "ws") + "socket", ["chat"]);
  socket.binaryType = "arraybuffer";
  await next(socket, "open");
  const echoes = [socket.protocol];
  for (const sent of ["text \\u00e9", "x".repeat(200_000), new Uint8Array([0, 255])]) {
    socket.send(sent);
    const { data } = await next(socket, "message");
    echoes.push(typeof data === "string" ? data.slice(0, 8) + data.length : [...new Uint8Array(data)]);
  }

  const source = new EventSource("/events");
  const events = [];
  await new Promise((resolve) => {
    source.onmessage = ({ data, lastEventId }) => {
      if (events.push([lastEventId, data]) === 2) resolve();
    };
  });
  source.close();

  const closed = next(socket, "close");
  await tell({ echoes, events });
  const { code, wasClean } = await closed;
  await tell({ code, wasClean });
</script>
`;

const APP = `
const PAGE = ${JSON.stringify(PAGE)};

export async function app(scope, receive, send) {
  if (scope.type === "lifespan") throw new Error("there is none");
  if (scope.type === "websocket") return echo(receive, send);
  const answer = async (type, body) => {
    await send({ type: "http.response.start", status: 200, headers: [["content-type", type]] });
    await send({ type: "http.response.body", body });
  };
  if (scope.path === "/") return answer("text/html; charset=utf-8", PAGE);
  if (scope.path === "/events") return events(receive, send);
  let text = "";
  for (let more = scope.path === "/told"; more; ) {
    const event = await receive();
    text += Buffer.from(event.body).toString();
    more = event.more_body;
  }
  if (text !== "") console.error("told: " + text);
  return answer("text/plain", "thanks");
}

async function echo(receive, send) {
  await receive();
  await send({ type: "websocket.accept", subprotocol: "chat" });
  for (;;) {
    const { type, text, bytes } = await receive();
    if (type !== "websocket.receive") return;
    await send({ type: "websocket.send", text, bytes });
  }
}

async function events(receive, send) {
  await send({ type: "http.response.start", status: 200, headers: [["content-type", "text/event-stream"]] });
  for (const [id, data] of [["a", "first"], ["b", "second"]]) {
    await send({ type: "http.response.body", body: \`id: \${id}\\ndata: \${data}\\n\\n\`, more_body: true });
    await new Promise((resolve) => setImmediate(resolve));
  }
  // The request's own body first.
  while ((await receive()).type !== "http.disconnect");
  console.error("the events are left");
}
`;

function browse(t: TestContext, url: string): { close(): Promise<void> } {
  const home = mkdtempSync(join(tmpdir(), "tgunicorn-browser-"));
  // Nothing but the page is asked for. Who runs as root can have no sandbox.
  const flags = [
    "headless",
    "no-sandbox",
    "disable-gpu",
    "disable-dev-shm-usage",
    "disable-quic",
    "no-first-run",
  ];
  flags.push("disable-background-networking", "disable-component-update", "disable-sync", "no-proxy-server");
  const browser = spawn("chromium", [...flags.map((flag) => `--${flag}`), `--user-data-dir=${home}`, url], {
    env: { PATH: process.env.PATH, HOME: home },
    stdio: "ignore",
    detached: true,
  });
  const exited = once(browser, "exit");
  const close = async (): Promise<void> => {
    const { pid, signalCode, exitCode } = browser;
    if (pid === undefined || signalCode !== null || exitCode !== null) return;
    // It ends the processes of its own; the group goes where it did not get to that.
    browser.kill("SIGTERM");
    const late = setTimeout(() => browser.kill("SIGKILL"), 10_000);
    await exited;
    clearTimeout(late);
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // All have gone.
    }
    rmSync(home, { recursive: true, force: true, maxRetries: 10 });
  };
  t.after(close);
  return { close };
}

for (const kind of ["eventloop", "threaded"]) {
  test(`a browser under ${kind}: a page, a WebSocket, an EventSource, and 1012 on a reload`, async (t) => {
    if (!hasPeers(t, "chromium")) return;
    const server = start(
      t,
      ["-k", kind, "-b", "127.0.0.1:0", "--log-level", "debug", "--interface", "asgi", "app.mjs:app"],
      { files: { "app.mjs": APP } },
    );
    await ready(server, 1);
    const browser = browse(t, await server.url("/"));
    const [, first = ""] = await server.saw(/^told: (.*echoes.*)$/m);
    assert.deepEqual(JSON.parse(first), {
      echoes: ["chat", "text \u00e96", "xxxxxxxx200000", [0, 255]],
      events: [
        ["a", "first"],
        ["b", "second"],
      ],
    });
    await server.saw(/^the events are left$/m);
    server.signal("SIGHUP");
    const [, second = ""] = await server.saw(/^told: (.*code.*)$/m);
    assert.deepEqual(JSON.parse(second), { code: 1012, wasClean: true });
    await browser.close();
    await server.stop();
  });
}
