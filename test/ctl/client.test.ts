import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { createAsk } from "../../src/ctl/client.ts";
import { scratch } from "../process/server.ts";

test("where there is no socket, the pid file is told of, whatever it is", async (t) => {
  const dir = scratch(t, { none: "no pid\n", ours: `${process.pid}\n`, empty: "", "sub/file": "" });
  const said = async (name: string): Promise<string> => {
    const told = await createAsk(join(dir, "app.ctl"), join(dir, name))("GET", "/status").catch(String);
    return String(told).replaceAll(dir, "");
  };
  const [before, after] = ["Is the server running? /", " Where it has another --control-socket"];
  for (const [name, about] of [
    ["none", "none is no pid file."],
    ["empty", "empty is no pid file."],
    ["ours", `ours names the process ${process.pid}, which runs.`],
    ["sub", "sub can't be read."],
  ] as const) {
    const told = await said(name);
    assert.ok(told.includes(`${before}${about}${after}`), told);
  }
  assert.match(await said("gone"), /There is no \/gone either\. Where/);
});

test("a server that does not answer is not waited for, unless it was asked to wait for something", async (t) => {
  const path = join(scratch(t), "app.ctl");
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => void sockets.push(socket.resume())).listen(path);
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const ask = createAsk(path, null, 20);
  const waits = ask("POST", "/reload", { wait: true });
  await assert.rejects(ask("GET", "/status"), /app\.ctl: no answer for 0\.02 s\. Is the arbiter stopped/);
  await assert.rejects(ask("POST", "/scale", { workers: 2 }), /no answer/);
  for (const socket of sockets) socket.destroy();
  await assert.rejects(waits, /ended before it had answered/);
});
