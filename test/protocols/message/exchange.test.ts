import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import express from "express";
import { adapt } from "../../../src/interfaces/adapt.ts";
import { EXCHANGE } from "../../../src/protocols/exchange.ts";
import { MessageExchange } from "../../../src/protocols/message/exchange.ts";
import type { MessageHead, Transport } from "../../../src/protocols/message/transport.ts";

interface Told {
  readonly informed: [status: number, headers: readonly string[]][];
  head:
    | { status: number; reason: string | undefined; headers: readonly string[]; bodiless: boolean }
    | undefined;
  body: string;
  trailers: readonly string[] | undefined;
  cut: boolean;
}

interface Bed {
  readonly exchange: MessageExchange;
  readonly told: Told;
  readonly warnings: string[];
  /** What write() answers. */
  flows: boolean;
  /** Resolves when the answer has ended or was cut. */
  readonly done: Promise<void>;
}

const HEAD: MessageHead = {
  method: "GET",
  target: "/a%20b?c=d",
  httpVersion: "2.0",
  rawHeaders: ["Host", "example.test", "X-Twice", "1", "X-Twice", "2", "Cookie", "a=1", "Cookie", "b=2"],
  scheme: "https",
  client: { address: "192.0.2.7", port: 4711 },
  scriptName: "",
  pathInfo: undefined,
  variables: undefined,
};

function bed(head: Partial<MessageHead> = {}, body: Readable = Readable.from([]), other?: Transport): Bed {
  const told: Told = { informed: [], head: undefined, body: "", trailers: undefined, cut: false };
  const warnings: string[] = [];
  let finish = (): void => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const transport: Transport = {
    carriesMore: true,
    inform: (status, headers) => void told.informed.push([status, headers]),
    head: (status, reason, headers, bodiless) => {
      told.head = { status, reason, headers, bodiless };
    },
    write(chunk) {
      told.body += Buffer.from(chunk).toString();
      return one.flows;
    },
    end(trailers) {
      told.trailers = trailers;
      exchange.close();
      finish();
    },
    cut() {
      told.cut = true;
      exchange.close();
      finish();
    },
  };
  const socket = new Socket();
  const exchange = new MessageExchange({
    head: { ...HEAD, ...head },
    connection: {
      peer: { address: "127.0.0.1", port: 1 },
      local: { address: "127.0.0.1", port: 3031 },
      trusted: true,
      encrypted: false,
      socket,
    },
    transport: other ?? transport,
    body,
    log: { warning: (message) => void warnings.push(message) },
  });
  const one: Bed = { exchange, told, warnings, flows: true, done };
  return one;
}

const log = { debug() {}, warning() {}, error() {} };

async function serve(one: Bed, app: unknown, name: "node" | "fetch" | "auto" = "node"): Promise<void> {
  const { handle } = await adapt(app, name, { log, multiprocess: false });
  await handle(one.exchange);
  await one.done;
}

describe("An answer that is cut", () => {
  it("takes nothing more, also while its connection is still to be closed", async () => {
    const told: string[] = [];
    const say = (what: string) => (): void => void told.push(what);
    const { exchange } = bed({}, undefined, {
      carriesMore: true,
      inform: say("inform"),
      head: say("head"),
      write: () => told.push("write") > 0,
      end: say("end"),
      cut: say("cut"),
    });
    exchange.head(200, undefined, []);
    exchange.write("piece");
    exchange.cut();
    assert.equal(exchange.write("piece"), false);
    await assert.rejects(exchange.drained());
    exchange.end("whole");
    exchange.cut();
    assert.deepEqual(told, ["head", "write", "cut"]);
    exchange.close();
    assert.equal(exchange.over, true);
  });
});

describe("An answer in the application's stead", () => {
  it("has no trailers that the application has set", async () => {
    const { exchange, told } = bed();
    exchange.trailers(["X-Sum", "2"]);
    exchange.answerInstead(504);
    assert.deepEqual(
      [told.head?.status, told.head?.reason, told.body],
      [504, "Gateway Timeout", "Gateway Timeout\n"],
    );
    assert.deepEqual(told.trailers, []);
  });
});

describe("Node's pair over a message", () => {
  it("leaves out what is written after the end, and says so once", async () => {
    const one = bed();
    await serve(one, (_req: IncomingMessage, res: ServerResponse) => {
      res.end("whole");
      res.write("late");
      res.end("later");
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(one.told.body, "whole");
    assert.deepEqual(one.warnings, [
      "The application's answer to GET /a%20b?c=d was written to after its end: that is left out",
    ]);
  });

  it("answers, without the fields of HTTP/1's connections", async () => {
    const one = bed();
    await serve(one, (req: IncomingMessage, res: ServerResponse) => {
      res.statusMessage = "Fine";
      res.setHeader("X-Seen", `${req.method} ${req.url} ${req.httpVersion} ${req.headers["x-twice"]}`);
      res.setHeader("Set-Cookie", ["a=1", "b=2"]);
      res.end("hello");
    });
    assert.equal(one.told.head?.status, 200);
    assert.equal(one.told.head?.reason, "Fine");
    const headers = one.told.head?.headers.filter((_, i, all) => all[i - (i % 2)] !== "Date");
    assert.deepEqual(headers, [
      "X-Seen",
      "GET /a%20b?c=d 2.0 1, 2",
      "Set-Cookie",
      "a=1",
      "Set-Cookie",
      "b=2",
      "Content-Length",
      "5",
    ]);
    assert.equal(one.told.body, "hello");
    assert.equal(one.exchange.bodyBytes, 5);
    assert.deepEqual(one.told.trailers, []);
    assert.equal(one.exchange.header("cookie"), "a=1; b=2");
  });

  it("sends no chunks, also where the application asks for them as a proxy does", async () => {
    const one = bed();
    await serve(one, (_req: IncomingMessage, res: ServerResponse) => {
      res.writeHead(200, { "Transfer-Encoding": "chunked", "X-A": "b" });
      res.write("one");
      res.end("two");
    });
    assert.equal(one.told.body, "onetwo");
    assert.ok(!one.told.head?.headers.includes("Transfer-Encoding"));
  });

  it("shows the client and the scheme on the socket", async () => {
    const one = bed();
    await serve(one, ({ socket }: IncomingMessage, res: ServerResponse) =>
      res.end(
        JSON.stringify([
          socket.remoteAddress,
          socket.remotePort,
          socket.localPort,
          Reflect.get(socket, "encrypted"),
        ]),
      ),
    );
    assert.equal(one.told.body, '["192.0.2.7",4711,3031,true]');
  });

  it("reads a body with back-pressure, and ends where it breaks off", async () => {
    const pieces = Array.from({ length: 200 }, (_, i) => Buffer.alloc(4096, i));
    const one = bed({ method: "POST" }, Readable.from(pieces));
    await serve(one, async (req: IncomingMessage, res: ServerResponse) => {
      let length = 0;
      for await (const piece of req) length += piece.length;
      res.end(String(length));
    });
    assert.equal(one.told.body, String(200 * 4096));

    const source = new Readable({ read() {} });
    const broken = bed({ method: "POST" }, source);
    const aborted = new Promise<void>((resolve) => {
      void serve(broken, (req: IncomingMessage) => {
        req.resume().on("close", () => resolve());
      }).catch(() => undefined);
    });
    source.push("half");
    setImmediate(() => broken.exchange.close());
    await aborted;
    assert.equal(broken.exchange.status, 499);
  });

  it("waits where the client is slower, and goes on", async () => {
    const one = bed();
    one.flows = false;
    const big = "x".repeat(100_000);
    let drained = false;
    const serving = serve(one, (_req: IncomingMessage, res: ServerResponse) => {
      assert.equal(res.write(big), false);
      res.once("drain", () => {
        drained = true;
        res.end("end");
      });
    });
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(drained, false);
    one.flows = true;
    one.exchange.flowed();
    await serving;
    assert.equal(one.told.body.length, big.length + 3);
  });

  it("sends early hints before the head, and trailers after the body", async () => {
    const one = bed();
    await serve(one, (_req: IncomingMessage, res: ServerResponse) => {
      res.writeEarlyHints({ link: "</style.css>; rel=preload" });
      res.write("a");
      res.addTrailers({ "X-Sum": "1" });
      res.end();
    });
    assert.deepEqual(one.told.informed, [[103, ["Link", "</style.css>; rel=preload"]]]);
    assert.deepEqual(one.told.trailers, ["X-Sum", "1"]);
  });

  it("gives HEAD, 204 and 304 no body", async () => {
    for (const [method, status] of [
      ["HEAD", 200],
      ["GET", 204],
      ["GET", 304],
    ] as const) {
      const one = bed({ method });
      await serve(one, (_req: IncomingMessage, res: ServerResponse) => {
        res.statusCode = status;
        res.end("body");
      });
      assert.deepEqual([one.told.head?.status, one.told.head?.bodiless, one.told.body], [status, true, ""]);
    }
  });

  it("leaves out what is longer than declared, and cuts what is shorter", async () => {
    const long = bed();
    await serve(long, (_req: IncomingMessage, res: ServerResponse) => {
      res.setHeader("Content-Length", "4");
      res.write("123");
      res.end("456");
    });
    assert.deepEqual([long.told.body, long.warnings.length, long.told.cut], ["1234", 1, false]);
    const short = bed();
    await serve(short, (_req: IncomingMessage, res: ServerResponse) => {
      res.setHeader("Content-Length", "4");
      res.end("12");
    });
    assert.deepEqual([short.told.body, short.warnings.length, short.told.cut], ["12", 1, true]);
  });

  it("cuts where the application destroys", async () => {
    const one = bed();
    await serve(one, (_req: IncomingMessage, res: ServerResponse) => {
      res.write("half");
      setImmediate(() => res.destroy());
    });
    assert.deepEqual([one.told.cut, one.exchange.complete], [true, false]);
  });

  it("hears nothing more after it was answered in the application's stead", async () => {
    const one = bed();
    let late = (): void => {};
    const serving = serve(one, (_req: IncomingMessage, res: ServerResponse) => {
      late = () => {
        res.setHeader("a", "b");
        res.end("late");
      };
    });
    one.exchange.head(504, undefined, []);
    one.exchange.end("too late");
    one.exchange.seal();
    late();
    await serving;
    assert.deepEqual([one.told.head?.status, one.told.body], [504, "too late"]);
  });

  it("serves Express, and requests know their exchange", async () => {
    const app = express();
    app.get("/a%20b", (req, res) => {
      const connection: unknown = Reflect.get(req.socket, Symbol.for("tgunicorn.connection"));
      assert.ok(typeof connection === "object" && connection !== null);
      res.json({ query: req.query, protocol: req.protocol, ip: req.ip });
    });
    const one = bed();
    await serve(one, app, "auto");
    assert.equal(one.told.body, '{"query":{"c":"d"},"protocol":"https","ip":"192.0.2.7"}');
    assert.equal(typeof EXCHANGE, "symbol");
  });
});

describe("a message without Node's pair", () => {
  it("answers an application of the Fetch standard", async () => {
    const one = bed({ method: "POST" }, Readable.from([Buffer.from("abc")]));
    await serve(
      one,
      { fetch: async (request: Request) => new Response(`${request.url} ${await request.text()}`) },
      "auto",
    );
    assert.equal(one.told.body, "https://example.test/a%20b?c=d abc");
  });

  it("aborts its signal when the client goes away", async () => {
    const one = bed();
    const { signal } = one.exchange;
    one.exchange.close();
    assert.equal(signal.aborted, true);
    await assert.rejects(one.exchange.drained());
    // What comes after is harmless.
    one.exchange.head(200, undefined, []);
    one.exchange.end("x");
    assert.equal(one.told.head, undefined);
  });
});
