// An answer that is one piece goes out in one write, and whatever is no such answer as node has it.

import assert from "node:assert/strict";
import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { checkedResponses } from "../../../src/protocols/http1/response.ts";
import { connect } from "../../contract/client.ts";

type Application = (req: IncomingMessage, res: ServerResponse) => unknown;

/** A server whose connections' writes are counted, and a client of it. */
async function rig(t: TestContext, app: Application) {
  const said: string[] = [];
  const options = {
    ServerResponse: checkedResponses({ countBytes: true, tell: (_res, what) => said.push(what) }),
  };
  const writes: unknown[] = [];
  const server = http.createServer(options, app);
  server.on("connection", (socket: Socket) => {
    const { write } = socket;
    Object.assign(socket, {
      write(...values: Parameters<typeof write>) {
        writes.push(values[0]);
        return write.apply(socket, values);
      },
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const client = await connect(port);
  t.after(() => {
    client.destroy();
    server.close();
  });
  return { client, writes, said };
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

for (const [what, app] of Object.entries<Application>({
  "a string": (_req, res) => res.end("hello"),
  "a string beside a head written by hand": (_req, res) =>
    res.writeHead(200, { "Content-Length": 5 }).end("hello"),
  "a string with a declared length": (_req, res) => res.setHeader("Content-Length", 5).end("hello"),
})) {
  test(`${what} is one write`, async (t) => {
    const { client, writes } = await rig(t, app);
    client.send(GET);
    assert.equal((await client.response()).body, "hello");
    assert.equal(writes.length, 1);
    client.send(GET);
    assert.equal((await client.response()).body, "hello");
    assert.equal(writes.length, 2);
  });
}

test("bytes are written behind their head, and nothing after them", async (t) => {
  const { client, writes } = await rig(t, (_req, res) => res.end(Buffer.from("hello")));
  client.send(GET);
  assert.equal((await client.response()).body, "hello");
  assert.deepEqual(
    writes.map((one) => (typeof one === "string" ? "head" : String(one))),
    ["head", "hello"],
  );
});

/** What follows the head, out of its chunks where it comes in some. */
function bodyOf(answer: string): string {
  const [head = "", rest = ""] = answer.split(/\r\n\r\n([\s\S]*)/);
  if (!head.includes("chunked")) return rest;
  assert.ok(rest.endsWith("0\r\n\r\n"));
  return rest.replace(/[0-9a-f]+\r\n([^\r]*)\r\n/g, "$1");
}

for (const [what, app, body] of [
  [
    "chunks",
    (_req, res) => {
      res.write("hel");
      res.end("lo");
    },
    "hello",
  ],
  ["an empty end", (_req, res) => res.end(), ""],
  ["an empty string", (_req, res) => res.end(""), ""],
  ["no bytes", (_req, res) => res.end(Buffer.alloc(0)), ""],
  [
    "a flushed head",
    (_req, res) => {
      res.setHeader("Content-Length", 5).flushHeaders();
      res.end("hello");
    },
    "hello",
  ],
  [
    "a corked answer",
    (_req, res) => {
      res.cork();
      res.write("hel");
      res.uncork();
      res.end("lo");
    },
    "hello",
  ],
] as const satisfies readonly (readonly [string, Application, string])[]) {
  test(`${what}: as node sends it, and told to be over once`, async (t) => {
    const events: string[] = [];
    const { client } = await rig(t, (req, res) => {
      for (const name of ["finish", "close"]) res.on(name, () => events.push(name));
      app(req, res);
    });
    // Pipelined: what one leaves behind would come with the next.
    client.send(GET + GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    const [, ...answers] = (await client.closed()).split("HTTP/1.1 200 OK\r\n");
    assert.deepEqual(answers.map(bodyOf), [body, body]);
    assert.deepEqual(events.slice(0, 2).sort(), ["close", "finish"]);
  });
}

test("HEAD has a head alone, whatever is given to end()", async (t) => {
  const { client } = await rig(t, (_req, res) => res.setHeader("Content-Length", 5).end("hello"));
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(await client.closed(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n$/);
});

test("an answer that ends another's while it ends itself keeps both whole", async (t) => {
  const waiting: ServerResponse[] = [];
  const { client } = await rig(t, (_req, res) => {
    waiting.push(res);
    const [first, second] = waiting;
    if (first === undefined || second === undefined) return;
    // Called by node in the midst of the other's end(), before Node 24.
    second.on("newListener", (name) => {
      if (name === "finish") first.end("first");
    });
    second.end("second", () => undefined);
    if (!first.writableEnded) first.end("first");
  });
  client.send(GET + GET);
  assert.equal((await client.response()).body, "first");
  assert.equal((await client.response()).body, "second");
});
