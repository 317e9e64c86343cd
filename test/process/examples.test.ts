// Every example is started as its reader would start it.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { ROOT, start } from "./server.ts";

const EXAMPLES = join(ROOT, "examples");

for (const example of ["demo", "asgi", "express", "fastify", "koa", "hono"]) {
  for (const kind of ["sync", "threaded", "eventloop"]) {
    test(`examples/${example} under ${kind}`, async (t) => {
      const server = start(t, [
        "-w",
        "2",
        "-k",
        kind,
        "-b",
        "127.0.0.1:0",
        "--log-level",
        "debug",
        "--chdir",
        EXAMPLES,
        `${example}:app`,
      ]);
      await ready(server, 2);
      const answer = await get(await server.url("/"));
      assert.equal(answer.status, 200, server.log());
      assert.match(answer.body, /hello/i);
      await server.stop();
    });
  }
}
