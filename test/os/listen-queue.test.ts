import assert from "node:assert/strict";
import { closeSync, readSync, writeSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { createQueueReader, listenLimit, listenOverflows } from "../../src/os/listen-queue.ts";
import { bindSocket } from "../../src/os/sockets.ts";
import { openUnnamed } from "../../src/os/unnamed-file.ts";
import { scratch } from "../process/server.ts";

const ONLY_LINUX = process.platform === "linux" ? false : "the kernel's tables are Linux's";

test("the queues of TCP and unix sockets are counted by their descriptors", {
  skip: ONLY_LINUX,
}, async (t) => {
  const path = join(scratch(t), "app.sock");
  const options = { backlog: 16, umask: 0o077 };
  const tcp = await bindSocket({ kind: "tcp", host: "127.0.0.1", port: 0 }, options);
  const six = await bindSocket({ kind: "tcp", host: "::1", port: 0 }, options).catch(() => undefined);
  const unix = await bindSocket({ kind: "unix", path }, options);
  t.after(() => {
    for (const socket of [tcp, six, unix]) socket?.close();
  });
  const listenQueues = createQueueReader();
  assert.deepEqual(listenQueues([tcp.fd, unix.fd, 0]), [0, 0, null]);
  const port = tcp.address.kind === "tcp" ? tcp.address.port : 0;
  const clients = [
    net.connect(port, "127.0.0.1"),
    net.connect(port, "127.0.0.1"),
    net.connect(path),
    ...(six?.address.kind === "tcp" ? [net.connect(six.address.port, "::1")] : []),
  ];
  t.after(() => {
    for (const client of clients) client.destroy();
  });
  // A connection is made by the kernel: nobody accepts here.
  await Promise.all(clients.map((client) => new Promise((resolve) => client.on("connect", resolve))));
  assert.deepEqual(listenQueues([unix.fd, tcp.fd]), [1, 2]);
  if (six !== undefined) assert.deepEqual(listenQueues([six.fd, unix.fd]), [1, 1]);
  // What was in one table may be a socket of another kind, later.
  for (const socket of [tcp, unix]) socket.close();
  assert.deepEqual(listenQueues([tcp.fd, unix.fd]), [null, null]);
});

test("a queue's limit is the kernel's where that is less", { skip: ONLY_LINUX }, () => {
  assert.equal(listenLimit(8), 8);
  assert.ok(listenLimit(1e9) < 1e9);
  assert.ok((listenOverflows() ?? -1) >= 0);
});

test("an unnamed file has its room, and no name", (t) => {
  const fd = openUnnamed(4_096);
  if (fd === undefined) return t.skip("no place for temporary files");
  const bytes = Buffer.alloc(8_192);
  assert.equal(readSync(fd, bytes, 0, 8_192, 0), 4_096);
  assert.ok(bytes.every((byte) => byte === 0));
  writeSync(fd, "x", 4_095);
  assert.equal(readSync(fd, bytes, 0, 8_192, 0), 4_096);
  closeSync(fd);
});
