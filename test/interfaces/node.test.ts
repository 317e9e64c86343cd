import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { interfaceContract, PIECE, type Stage } from "../contract/interface.ts";
import { serve } from "./serve.ts";

function make(stage: Stage) {
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    switch (new URL(req.url ?? "", "http://x").pathname) {
      case "/hello":
        res.setHeader("X-One", "1");
        res.end("hello");
        return;
      case "/echo":
        return pipeline(req, res);
      case "/count": {
        let count = 0;
        for await (const chunk of req) count += chunk.length;
        res.end(String(count));
        return;
      }
      case "/headers":
        res.setHeader("Set-Cookie", ["a=1", "b=2"]);
        res.end(req.headers["x-in"]);
        return;
      case "/empty":
        res.writeHead(204).end();
        return;
      case "/teapot":
        res.writeHead(418, { "Content-Length": 0 }).end();
        return;
      case "/stream":
        res.write("first");
        await stage.released;
        res.end("second");
        return;
      case "/throw":
        throw new Error("thrown by the application");
      case "/reject":
        await Promise.resolve();
        throw new Error("thrown by the application");
      case "/half":
        res.write("half");
        throw new Error("thrown by the application");
      case "/short":
        res.writeHead(200, { "Content-Length": 100 });
        res.write("short");
        throw new Error("thrown by the application");
      case "/long":
        res.setHeader("Content-Length", 4);
        res.write("lo");
        res.end("nger");
        return;
      case "/leave":
        stage.entered();
        await once(res, "close");
        stage.left(0);
        return;
      case "/endless": {
        let made = 0;
        while (!res.destroyed) {
          made += PIECE.length;
          if (!res.write(PIECE)) await Promise.race([once(res, "drain"), once(res, "close")]);
        }
        stage.left(made);
        return;
      }
      default:
        res.writeHead(404).end();
    }
  };
}

interfaceContract({ name: "node", interface: "auto", make });

test("a promise that is not Promise's counts as well", async (t) => {
  const thenable = {
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested
    then: (_done: unknown, failed: (error: Error) => void) => failed(new Error("of another kind")),
  };
  const { request, errors } = await serve(t, (_req: unknown, _res: unknown) => thenable);
  assert.equal((await request({ path: "/" })).status, 500);
  assert.match(errors.join(), /of another kind/);
});

test("what a listener returns besides a promise is ignored", async (t) => {
  const { request } = await serve(t, (_req: IncomingMessage, res: ServerResponse) => res.end("fine"));
  assert.equal((await request({ path: "/" })).body, "fine");
});

test("a Nest application is initialised and served by its adapter", async (t) => {
  const calls: string[] = [];
  const express = Object.assign((_req: IncomingMessage, res: ServerResponse) => void res.end("nest"), {
    handle() {},
    use() {},
  });
  const app = {
    init: async () => void calls.push("init"),
    getHttpAdapter: () => ({ getInstance: () => express }),
  };
  const { request } = await serve(t, app);
  assert.equal((await request({ path: "/" })).body, "nest");
  assert.deepEqual(calls, ["init"]);
});
