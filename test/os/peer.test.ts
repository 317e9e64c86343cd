import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { descriptorOf } from "../../src/os/descriptor.ts";
import { createPeerFinder, FINDS_PEERS } from "../../src/os/peer.ts";

test("the other end of a socket is found by its descriptor, and who is not found is not said to have gone", async (t) => {
  if (!FINDS_PEERS) return t.skip("Linux alone tells");
  const server = net.createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const client = net.connect(address.port, "127.0.0.1");
  t.after(() => client.destroy());
  await once(client, "connect");
  const fd = descriptorOf(client);
  assert.deepEqual(createPeerFinder()(fd), { address: "127.0.0.1", port: address.port });
  // Its line stands in the first part of the table, or it is unknown: never gone.
  assert.notEqual(createPeerFinder(-1)(fd), "gone");
  assert.equal(createPeerFinder()(1_000_000), "gone");
});
