// What a front is told of answers over uwsgi and SCGI that break off.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import net from "node:net";
import { test } from "node:test";
import { scgiHead, uwsgiHead, variablesOf } from "../../contract/cgi.ts";
import { latch, serve } from "../../interfaces/serve.ts";

for (const [protocol, head] of [
  ["uwsgi", uwsgiHead],
  ["scgi", scgiHead],
] as const) {
  for (const headers of [{}, { "Content-Length": 10 }]) {
    const what = "Content-Length" in headers ? "of a declared length" : "without a length";
    test(`${protocol}: an answer ${what} that breaks off resets the connection`, async (t) => {
      const read = latch();
      const app = async (_req: IncomingMessage, res: ServerResponse): Promise<void> => {
        res.writeHead(200, headers).write("begun");
        // A client that finds both at once may see an end instead.
        await read.promise;
        throw new Error("broken on purpose");
      };
      const { port } = await serve(t, app, "node", { protocol });
      const socket = net.connect({ host: "127.0.0.1", port });
      socket.on("data", () => read.open()).write(head(variablesOf({})));
      const [error] = await once(socket, "error");
      assert.equal(error.code, "ECONNRESET");
    });
  }
}
