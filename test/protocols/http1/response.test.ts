// What a response gives, held against what it declares: nothing of one answer may ever be taken for a part of another.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { setImmediate as tick } from "node:timers/promises";
import { eventloop } from "../../../src/workers/eventloop.ts";
import { type Client, connect } from "../../contract/client.ts";
import { rig as rigOf } from "../../contract/rig.ts";
import { type Served, serve } from "../../interfaces/serve.ts";

type Application = (req: IncomingMessage, res: ServerResponse) => unknown;

/** `/` runs `app`, `/next` says `next`. */
async function rig(t: TestContext, app: Application): Promise<Served & { client: Client }> {
  const served = await serve(t, (req: IncomingMessage, res: ServerResponse) =>
    req.url === "/next" ? void res.end("next") : app(req, res),
  );
  const client = await connect(served.port);
  t.after(() => client.destroy());
  return { ...served, client };
}

const declared = (res: ServerResponse, length: number): ServerResponse =>
  res.setHeader("Content-Length", length);

const LONG: Readonly<Record<string, Application>> = {
  "one piece": (_req, res) => declared(res, 4).end("longer"),
  "bytes, with the head written by hand": (_req, res) =>
    res.writeHead(200, { "content-length": "4" }).end(Buffer.from("longer")),
  "a head written as a list": (_req, res) => res.writeHead(200, ["CONTENT-LENGTH", "4"]).end("longer"),
  "several pieces": (_req, res) => {
    declared(res, 4);
    for (const piece of ["lo", "", "ng", "er", "!"]) res.write(piece);
    res.end("?");
  },
  "a piece in another encoding": (_req, res) => declared(res, 4).end("6c6f6e676572", "hex"),
  "a head that was flushed": (_req, res) => {
    declared(res, 4).flushHeaders();
    res.end("longer");
  },
  "a stream": (_req, res) => Readable.from(["lo", "ng", "er"]).pipe(declared(res, 4)),
  "another prototype, as Express has": (_req, res) => {
    Object.setPrototypeOf(res, Object.create(Object.getPrototypeOf(Object.getPrototypeOf(res))));
    declared(res, 4).end("longer");
  },
};

for (const [what, app] of Object.entries(LONG)) {
  test(`${what}: what is too much is left out and told once, and the next answer is whole`, async (t) => {
    const { client, warnings, errors } = await rig(t, app);
    // Pipelined: whatever is on the wire after the first answer is taken for the second.
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal((await client.response()).body, "long");
    const next = await client.response();
    assert.deepEqual([next.status, next.body], [200, "next"]);
    const message = "gave more than the 4 bytes that its Content-Length declares: the rest is left out";
    assert.deepEqual(warnings, [`The application's answer to GET / ${message}`]);
    assert.deepEqual(errors, []);
  });
}

const SHORT: Readonly<Record<string, Application>> = {
  "one piece": (_req, res) => declared(res, 9).end("short"),
  "several pieces": (_req, res) => {
    declared(res, 9).write("sh");
    res.end("ort");
  },
  "a stream": (_req, res) => Readable.from(["sh", "ort"]).pipe(declared(res, 9)),
  "an end without a piece": (_req, res) => {
    res.writeHead(200, ["Content-Length", "9"]).write("short");
    res.end();
  },
};

for (const [what, app] of Object.entries(SHORT)) {
  test(`${what}: too little cuts the connection before another answer fills it up`, async (t) => {
    const { client, warnings, errors } = await rig(t, app);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    const received = await client.closed();
    assert.match(received, /\r\n\r\nshort$/);
    const message = "gave 5 of the 9 bytes that its Content-Length declares: the connection is cut";
    assert.deepEqual(warnings, [`The application's answer to GET / ${message}`]);
    assert.deepEqual(errors, []);
  });
}

/** Node 26 puts pieces together that are written in one turn. */
const withoutChunks = (body: string): string => body.replaceAll(/[\da-f]+\r\n([^\r]*)\r\n/g, "$1");

const EXACT: Readonly<Record<string, readonly [body: string, app: Application]>> = {
  "one piece": ["exact", (_req, res) => declared(res, 5).end("exact")],
  "characters of several bytes": ["\xc3\xa9", (_req, res) => declared(res, 2).end("é")],
  "no length, several pieces": ["abcde", (_req, res) => Readable.from(["abc", "de"]).pipe(res)],
  "no length, one piece": ["exact", (_req, res) => res.end("exact")],
  "a length that was taken back": [
    "other",
    (_req, res) => {
      declared(res, 3).removeHeader("content-length");
      res.end("other");
    },
  ],
  nothing: ["", (_req, res) => declared(res, 0).end()],
};

for (const [what, [body, app]] of Object.entries(EXACT)) {
  test(`${what}: an answer that is right is left alone`, async (t) => {
    const { client, warnings } = await rig(t, app);
    assert.equal(withoutChunks((await client.get("/")).body), body);
    assert.equal((await client.get("/next")).body, "next");
    assert.deepEqual(warnings, []);
  });
}

for (const [what, status, head] of [
  ["HEAD", 200, "HEAD"],
  ["204", 204, "GET"],
  ["304", 304, "GET"],
] as const) {
  test(`${what} has no body, whatever the application gives`, async (t) => {
    const { client, warnings, errors } = await rig(t, (_req, res) => {
      res.writeHead(status, { "Content-Length": 9 });
      res.write("body");
      res.end("!");
    });
    client.send(
      `${head} / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    const received = await client.closed();
    const [first = "", second = "", ...rest] = received.split(/(?<=\r\n\r\n)(?=HTTP)/);
    assert.match(first, new RegExp(`^HTTP/1.1 ${status} .*\\r\\n\\r\\n$`, "s"));
    assert.match(second, /^HTTP\/1.1 200 .*next$/s);
    assert.deepEqual([rest, warnings, errors], [[], [], []]);
  });
}

test("1xx answers go before the answer itself", async (t) => {
  const { client, warnings } = await rig(t, (_req, res) => {
    res.writeProcessing();
    res.writeEarlyHints({ link: "</style.css>; rel=preload" });
    res.end("last");
  });
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(await client.closed(), /^HTTP\/1.1 102 .*HTTP\/1.1 103 .*HTTP\/1.1 200 .*last$/s);
  assert.deepEqual(warnings, []);
});

test("a status of 1xx can't be the last: the client would take the next answer for this one", async (t) => {
  const { client, warnings } = await rig(t, (_req, res) => res.writeHead(102).end());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.doesNotMatch(await client.closed(), /next/);
  assert.match(warnings.join(), /has the status 102, which can't be the last/);
});

for (const [what, late] of [
  ["write()", (res: ServerResponse): unknown => res.write("late")],
  ["end() with a piece", (res: ServerResponse): unknown => res.end("late")],
] as const) {
  test(`${what} after the end is left out and told, and ends no process`, async (t) => {
    const { client, warnings, errors } = await rig(t, (_req, res) => {
      res.end("whole");
      late(res);
      late(res);
    });
    assert.equal((await client.get("/")).body, "whole");
    await tick();
    assert.equal((await client.get("/next")).body, "next");
    const message = "was written to after its end: that is left out";
    assert.deepEqual(warnings, [`The application's answer to GET / ${message}`]);
    assert.deepEqual(errors, []);
  });
}

test("callbacks of pieces after the end are called with node's error", async (t) => {
  const errors: unknown[] = [];
  const { client } = await rig(t, (_req, res) => {
    res.end("whole");
    res.write("late", (error) => errors.push(error));
    res.write("late", "utf8", (error) => errors.push(error));
    res.end("late", (error?: Error) => errors.push(error));
  });
  assert.equal((await client.get("/")).body, "whole");
  await client.get("/next");
  assert.deepEqual(
    errors.map((error) => (error instanceof Error && "code" in error ? error.code : error)),
    Array(3).fill("ERR_STREAM_WRITE_AFTER_END"),
  );
});

test("an application that listens for errors is told of a late piece as by node", async (t) => {
  const { client, warnings } = await rig(t, async (_req, res) => {
    res.end("whole");
    const failed = once(res, "error");
    res.write("late");
    const [error]: Error[] = await failed;
    assert.match(error?.message ?? "", /write after end/);
  });
  assert.equal((await client.get("/")).body, "whole");
  assert.deepEqual(warnings, []);
});

test("callbacks of pieces that were left out are called", async (t) => {
  const called: string[] = [];
  const { client } = await rig(t, (_req, res) => {
    declared(res, 4).write("longer", () => called.push("cut down"));
    res.write("and more", "utf8", () => called.push("left out"));
    res.end(() => called.push("end"));
  });
  assert.equal((await client.get("/")).body, "long");
  await client.get("/next");
  assert.deepEqual(called, ["cut down", "left out", "end"]);
});

const answers: readonly [how: string, answer: (res: ServerResponse) => unknown, sent: number][] = [
  [
    "a length declared, and more given",
    (res) => [declared(res, 4).write("lo"), res.write("nger"), res.end()],
    4,
  ],
  ["less given", (res) => [declared(res, 4).write("s"), res.end()], 1],
  ["a piece, and the end", (res) => [declared(res, 4).write("long"), res.end()], 4],
  ["a piece, and one with the end", (res) => [declared(res, 4).write("lo"), res.end("ng")], 4],
  ["all with the end", (res) => declared(res, 4).end("long"), 4],
  ["more with the end", (res) => declared(res, 4).end("longer"), 4],
  ["less with the end", (res) => declared(res, 4).end("s"), 1],
  ["nothing of it", (res) => declared(res, 4).end(), 0],
  ["no length declared, all with the end", (res) => res.end("\u00fcber"), 5],
  ["in bytes", (res) => res.end(Buffer.from("long")), 4],
  ["in another encoding", (res) => res.end("6c6f6e67", "hex"), 4],
  ["nothing at all", (res) => res.end(), 0],
  ["chunks", (res) => [res.write("lo"), res.end("nger")], 6],
  ["the head on its way before", (res) => [res.flushHeaders(), res.end("longer")], 6],
  ["chunked by name", (res) => res.setHeader("Transfer-Encoding", "chunked").end("longer"), 6],
  ["head and length in one", (res) => res.writeHead(200, ["Content-Length", "4"]).end("long"), 4],
  ["no body by its status", (res) => res.writeHead(204).end(), 0],
];

test("what is counted is what was sent", async (t) => {
  const { port, serving, held } = await rigOf(eventloop);
  t.after(() => serving.stop());
  for (const [how, answer, sent] of answers) {
    await t.test(how, async () => {
      const client = await connect(port);
      client.send("GET /hold HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      const { exchange, res } = await held();
      answer(res);
      await client.closed();
      assert.equal(exchange.bodyBytes, sent);
    });
  }
});
