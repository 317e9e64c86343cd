// Peers that have gone before anybody asked who they were.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Http1Connection } from "../../../src/protocols/http1/connection.ts";
import { createProxyStage } from "../../../src/protocols/proxy/stage.ts";
import { compileNetworks } from "../../../src/protocols/trust/networks.ts";
import { createWaitingRoom } from "../../../src/protocols/waiting.ts";

/** The two ends of a connection, of which the client's is gone: by a reset, where there is such a thing. */
async function abandoned(t: TestContext, unix: boolean): Promise<net.Socket> {
  const dir = mkdtempSync(join(tmpdir(), "gone-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const server = net.createServer({ pauseOnConnect: true });
  await once(server.listen(unix ? { path: join(dir, "s") } : { port: 0, host: "127.0.0.1" }), "listening");
  const address = server.address();
  const client =
    typeof address === "string" ? net.connect(address) : net.connect(address?.port ?? 0, "127.0.0.1");
  const [socket]: net.Socket[] = await once(server, "connection");
  assert.ok(socket !== undefined);
  t.after(() => socket.destroy());
  server.close();
  if (client.connecting) await once(client, "connect");
  client.write("PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n", () =>
    unix ? client.destroy() : client.resetAndDestroy(),
  );
  await once(client, "close");
  return socket;
}

for (const [unix, name] of [
  [false, "a client over TCP that has reset its connection is nobody's proxy"],
  [true, "a peer on a Unix socket is trusted, also when it has gone"],
] as const) {
  test(name, async (t) => {
    const socket = await abandoned(t, unix);
    const connection = new Http1Connection(socket, socket, compileNetworks([]));
    socket.destroy();
    assert.deepEqual([connection.peer.address, connection.trusted], ["", unix]);
  });

  test(`${name}: for its PROXY header, too`, async (t) => {
    const socket = await abandoned(t, unix);
    const warnings: string[] = [];
    const stage = createProxyStage({
      versions: "v1",
      config: { proxyAllowIps: [] },
      waiting: createWaitingRoom({ limit: 0, onClosed: () => undefined, onLate: () => undefined }),
      log: { warning: (message) => void warnings.push(message) },
    });
    const closed = once(socket, "close");
    socket.on("error", () => undefined);
    const passed = new Promise<net.Socket>((resolve) => stage(socket, resolve));
    socket.resume();
    const first = await Promise.race([passed, closed]);
    // HAProxy's checks end so: nobody is to be warned of them.
    assert.deepEqual([first === socket, warnings], [unix, []]);
  });
}
