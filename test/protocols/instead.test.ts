// Answers in the application's stead, where it has put something around its response.

import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { createDeadlines } from "../../src/workers/deadlines.ts";
import { sync } from "../../src/workers/sync.ts";
import { connect } from "../contract/client.ts";
import { rig } from "../contract/rig.ts";
import { speakers } from "../contract/speakers.ts";
import { wrapped } from "../contract/wrappers.ts";
import { serve } from "../interfaces/serve.ts";

/** What is a protocol's own in an answer, with the status line. */
const OWN = /^(http\/.*|:?status|connection|date)$/;

describe("an application that fails, and has wrapped its response", () => {
  for (const { protocol, ask } of speakers) {
    it(`is answered for without any of it: ${protocol}`, async (t) => {
      const late: (() => unknown)[] = [];
      const app = (_req: IncomingMessage, res: ServerResponse): void => {
        late.push(wrapped(res));
        late.push(() => res.end("late"));
        throw new Error("on purpose");
      };
      const { port, over, errors } = await serve(t, app, "node", { protocol });
      const ended = over();
      const { status, headers, body } = await (await ask(port, { target: "/" })).answer();
      const answer: string[] = [];
      for await (const piece of body) answer.push(piece.toString());
      assert.deepEqual([status, answer.join("")], [500, "Internal Server Error\n"]);
      assert.deepEqual(
        headers.filter(([name]) => !OWN.test(name)),
        [
          ["content-type", "text/plain; charset=utf-8"],
          ["content-length", "22"],
        ],
      );
      assert.equal((await ended).complete, true);
      for (const act of late) act();
      assert.equal(errors.length, 1);
    });
  }

  it("is answered for in HTTP/1 with the status's own reason, a date and the end of the connection", async (t) => {
    const app = (_req: IncomingMessage, res: ServerResponse): void => {
      wrapped(res);
      throw new Error("on purpose");
    };
    const { port } = await serve(t, app, "node");
    const client = await connect(port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const [head, body] = (await client.closed()).split("\r\n\r\n");
    assert.match(
      head ?? "",
      /^HTTP\/1.1 500 Internal Server Error\r\nContent-Type: text\/plain; charset=utf-8\r\nContent-Length: 22\r\nConnection: close\r\nDate: [^\r]* GMT$/,
    );
    assert.equal(body, "Internal Server Error\n");
  });

  it("is cut where it has broken the response for the server, too", async (t) => {
    const app = (_req: IncomingMessage, res: ServerResponse): void => {
      Object.defineProperty(res, "statusCode", { value: 200 });
      throw new Error("on purpose");
    };
    const { port } = await serve(t, app, "node");
    const client = await connect(port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal(await client.closed(), "");
  });
});

describe("a request out of time whose application has wrapped its response", () => {
  for (const { protocol, ask } of speakers) {
    it(`is answered without any of it, and the worker goes on: ${protocol}`, async (t) => {
      const http2 = protocol === "http2";
      const settings = http2 ? { httpProtocols: ["h2", "h1"] as const, forwardedAllowIps: ["*"] } : {};
      const served = await rig(sync, settings, undefined, http2 ? "http" : protocol);
      t.after(() => served.serving.stop());
      const outcomes: string[] = [];
      let now = 0;
      const limits = createDeadlines({
        config: { requestTimeout: 0.5, slowRequest: 0 },
        vitals: undefined,
        now: () => now,
        onTimeout: (_exchange, _milliseconds, outcome) => void outcomes.push(outcome),
        onSlow: () => undefined,
      });
      const client = await ask(served.port, { target: "/hold" });
      const { exchange, res } = await served.held();
      const late = wrapped(res);
      limits.begin(exchange);
      now = 600;
      limits.sweep();
      assert.deepEqual([outcomes, exchange.status], [["answered"], 504]);
      const { status, headers, body } = await client.answer();
      const answer: string[] = [];
      for await (const piece of body) answer.push(piece.toString());
      assert.deepEqual([status, answer.join("")], [504, "Gateway Timeout\n"]);
      for (const name of ["set-cookie", "content-encoding", "trailer", "x-on-headers"])
        assert.equal(
          headers.some(([one]) => one === name),
          false,
          name,
        );
      await served.ended("/hold");
      late();
      res.setHeader("X-Late", "1").end("late");
      res.writeHead(200);
      late();
      client.leave();
      const next = await (await ask(served.port, { target: "/" })).answer();
      for await (const piece of next.body) assert.equal(piece.toString(), "hello");
      assert.equal(next.status, 200);
      assert.deepEqual(served.warnings, []);
    });
  }
});
