import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { descriptorOf } from "../../src/os/descriptor.ts";
import { FINDS_PEERS, findPeers } from "../../src/os/peer.ts";

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
  const peer = { address: "127.0.0.1", port: address.port };
  const found = findPeers([fd, 1_000_000, fd]);
  assert.deepEqual(
    [...found],
    [
      [fd, peer],
      [1_000_000, "gone"],
    ],
  );
  // However late it is, the first lines are looked at.
  const late = findPeers([fd], -1).get(fd);
  assert.ok(late === "unknown" || isDeepStrictEqual(late, peer), JSON.stringify(late));
});
