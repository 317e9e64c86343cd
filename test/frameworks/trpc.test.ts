// tRPC has procedures instead of routes: what the contract asks of the others is asked here in its terms.

import assert from "node:assert/strict";
import { once } from "node:events";
import http, { type IncomingMessage, type RequestOptions } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { hasExample } from "../peers/peer.ts";
import { ready } from "../process/client.ts";
import { startExample } from "./contract.ts";

for (const kind of ["sync", "eventloop", "threaded"] as const) {
  test(`tRPC under ${kind}`, async (t) => {
    if (!hasExample(t, "trpc")) return;
    const server = startExample(t, { name: "tRPC", directory: "trpc", app: "app:app" }, kind);
    await ready(server, 1);
    const port = await server.port();

    const open = async (path: string, options: RequestOptions = {}, body = ""): Promise<IncomingMessage> => {
      const req = http.request({ host: "127.0.0.1", port, path, agent: false, ...options });
      req.end(body);
      const [res]: IncomingMessage[] = await once(req, "response");
      assert.ok(res);
      return res;
    };
    const input = (value: unknown): string => encodeURIComponent(JSON.stringify(value));
    const posting = { method: "POST", headers: { "Content-Type": "application/json" } };

    await t.test("a query", async () => {
      const res = await open(`/hello?input=${input("you")}`);
      assert.deepEqual(JSON.parse(await text(res)), { result: { data: "Hello you from tRPC" } });
    });

    await t.test("a mutation with a body of some size", async () => {
      const value = "x".repeat(1024 * 1024);
      const res = await open("/keep", posting, JSON.stringify(value));
      assert.deepEqual(JSON.parse(await text(res)), { result: { data: value.length } });
    });

    await t.test("several calls in one request, answered piece by piece", async () => {
      const res = await open(`/hello,fail?batch=1&input=${input({ 0: "you" })}`, {
        headers: { "trpc-accept": "application/jsonl" },
      });
      assert.equal(res.headers["transfer-encoding"], "chunked");
      const body = await text(res);
      assert.match(body, /Hello you from tRPC/);
      assert.match(body, /meant to fail/);
    });

    await t.test("a failure is an answer", async () => {
      const res = await open("/fail");
      assert.equal(res.statusCode, 500);
      assert.equal(JSON.parse(await text(res)).error.message, "meant to fail");
      assert.equal((await open("/nothing")).statusCode, 404);
    });

    await t.test("a subscription, until the client leaves", async () => {
      const res = await open("/events", { headers: { Accept: "text/event-stream" } });
      let seen = "";
      for await (const chunk of res) {
        seen += chunk;
        if (seen.includes("event 3")) break;
      }
      assert.match(seen, /data: "event 1"/);
      await server.saw(/no more events/);
    });

    await t.test("the client goes away before any answer", async () => {
      const req = http.get({ host: "127.0.0.1", port, path: "/late", agent: false });
      req.on("error", () => undefined);
      await server.saw(/the client waits/);
      req.destroy();
      await server.saw(/the client has gone/);
    });

    await server.stop();
  });
}
