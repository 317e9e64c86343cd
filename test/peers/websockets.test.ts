// Python's websockets as the client: another reading of RFC 6455 than that of ws.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { ready } from "../process/client.ts";
import { ROOT, start } from "../process/server.ts";
import { hasPeers } from "./peer.ts";

const CLIENT = `
import asyncio, sys, websockets

async def main():
    async with websockets.connect(sys.argv[1], subprotocols=["chat"], max_size=None) as ws:
        for sent in ["text \\u00e9", b"\\x00\\xff", "", "x" * 3_000_000]:
            await ws.send(sent)
            assert await ws.recv() == sent
        await ws.send(["in ", "three ", "fragments"])
        assert await ws.recv() == "in three fragments"
        await (await ws.ping())
        print("ready", flush=True)
        try:
            await ws.recv()
        except websockets.ConnectionClosed as closed:
            print(closed.code, flush=True)

asyncio.run(main())
`;

/** Debian's own Python has the package, whatever else is on the PATH. */
function python(t: TestContext): string | undefined {
  if (!hasPeers(t, "python3")) return undefined;
  for (const program of ["/usr/bin/python3", "python3"]) {
    try {
      execFileSync(program, ["-c", "import websockets"], { stdio: "ignore" });
      return program;
    } catch {
      // the next
    }
  }
  const message = "not installed: Python's websockets";
  if (process.env.REQUIRE_PEERS === "1") throw new Error(message);
  t.skip(message);
  return undefined;
}

for (const [kind, signal, code] of [
  ["eventloop", "SIGHUP", "1012"],
  ["threaded", "SIGTERM", "1001"],
] as const) {
  test(`Python's websockets and examples/asgi under ${kind}: messages, and ${code} at the end`, async (t) => {
    const program = python(t);
    if (program === undefined) return;
    const server = start(t, [
      ...["-k", kind, "-b", "127.0.0.1:0", "--log-level", "debug"],
      ...["--chdir", `${ROOT}/examples`, "asgi:app"],
    ]);
    await ready(server, 1);
    const client = spawn(program, ["-c", CLIENT, `ws://127.0.0.1:${await server.port()}/`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => client.kill("SIGKILL"));
    const exited = once(client, "exit");
    const lines = createInterface(client.stdout)[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, "ready");
    server.signal(signal);
    assert.equal((await lines.next()).value, code);
    assert.deepEqual(await exited, [0, null]);
    await server.stop();
  });
}
