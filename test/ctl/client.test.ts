import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { createAsk } from "../../src/ctl/client.ts";
import { scratch } from "../process/server.ts";

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
