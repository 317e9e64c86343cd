// Every example, loaded as the command line would and served. Their start as processes is tested with the processes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadApplication } from "../../src/interfaces/loader.ts";
import { serve } from "./serve.ts";

const cwd = fileURLToPath(new URL("../../../examples", import.meta.url));

for (const [uri, greeting] of [
  ["demo:app", /^Hello from tgunicorn\/test, you asked for \/\n$/],
  ["asgi:app", /^Hello from ASGI\n$/],
  ["express:app", /^Hello from Express\n$/],
  ["fastify:app", /^Hello from Fastify\n$/],
  ['fastify:create("Hi")', /^Hi from Fastify\n$/],
  ["koa:app", /^Hello from Koa\n$/],
  ["hono:app", /^Hello from Hono\n$/],
] as const) {
  test(`examples/${uri}`, async (t) => {
    const { request, errors } = await serve(t, await loadApplication(uri, { cwd }));
    const answer = await request({ path: "/" });
    assert.equal(answer.status, 200);
    assert.match(answer.body, greeting);
    assert.match(answer.headers["content-type"] ?? "", /^text\/plain/);
    assert.deepEqual(errors, []);
  });
}

for (const example of ["express", "fastify", "hono"]) {
  test(`examples/${example} reads a body`, async (t) => {
    const { request } = await serve(t, await loadApplication(`${example}:app`, { cwd }));
    const headers = { "content-type": "application/json" };
    const answer = await request({ path: "/echo", method: "POST", headers }, '{"a":[1]}');
    assert.deepEqual([answer.status, answer.body], [200, '{"a":[1]}']);
  });
}
