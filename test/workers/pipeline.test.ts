import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type AccessRecord, accessLogTo, compileAccessFormat } from "../../src/log/access-log.ts";
import { bindHandle } from "../../src/os/handles.ts";
import type { Handler } from "../../src/protocols/exchange.ts";
import { eventloop } from "../../src/workers/eventloop.ts";
import { createPipeline, type PipelineOptions } from "../../src/workers/pipeline.ts";
import { type Client, connect } from "../contract/client.ts";
import { servingContext } from "../contract/rig.ts";

interface Served {
  readonly client: Client;
  readonly log: readonly string[];
  readonly retired: readonly string[];
}

/** A client of `app` behind a pipeline. */
async function serve(t: TestContext, app: Handler, options: Partial<PipelineOptions> = {}): Promise<Served> {
  const log: string[] = [];
  const retired: string[] = [];
  const write = (level: string) => (text: string) => void log.push(`${level}: ${text}`);
  const pipeline = createPipeline({
    app,
    config: { maxRequests: 0, maxRequestsJitter: 0 },
    log: {
      debug: write("debug"),
      info: write("info"),
      warning: write("warning"),
      error: write("error"),
      exception: (text, error) => void log.push(`exception: ${text}: ${String(error)}`),
    },
    access: null,
    hooks: {},
    random: () => 0.5,
    retire: (reason) => void retired.push(reason),
    ...options,
  });
  const { fd, port } = bindHandle({ host: "127.0.0.1", port: 0 });
  const serving = await eventloop.serve(servingContext(fd, { ...pipeline, upgrades: undefined }));
  t.after(() => serving.stop());
  return { client: await connect(port), log, retired };
}

const hello: Handler = (exchange) => {
  exchange.head(200, undefined, ["Content-Type", "text/plain", "X-A", "1", "X-A", "2"]);
  exchange.write("hel");
  exchange.end("lo");
};

describe("a failing application", () => {
  it("is answered with 500 and logged, and nothing it set remains", async (t) => {
    const { client, log } = await serve(t, (exchange) => {
      exchange.node().res.setHeader("Content-Encoding", "gzip").setHeader("Content-Length", 9_999);
      throw new Error("on purpose");
    });
    const { status, headers, body } = await client.get("/path?q=1");
    assert.deepEqual(
      [status, body, headers.get("content-encoding")],
      [500, "Internal Server Error\n", undefined],
    );
    assert.deepEqual(log, ["exception: Error handling request /path?q=1: Error: on purpose"]);
  });

  it("may fail later", async (t) => {
    const { client, log } = await serve(t, async () => {
      await Promise.resolve();
      throw new Error("later");
    });
    assert.equal((await client.get()).status, 500);
    assert.equal(log.length, 1);
  });

  it("is cut where it had begun to answer, so that nobody takes the answer for whole", async (t) => {
    const { client, log } = await serve(t, async (exchange) => {
      exchange.head(200, undefined, []);
      exchange.write("half");
      await exchange.drained();
      throw new Error("half way");
    });
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await assert.rejects(client.response(), /closed after/);
    assert.match(log[0] ?? "", /half way/);
  });

  it("resets an answer that only the connection's end would end", async (t) => {
    const { client } = await serve(t, async (exchange) => {
      exchange.head(200, undefined, []);
      exchange.write("half");
      // libuv, as a client, takes a reset for an end where both data and reset wait to be read.
      await client.saw("half");
      throw new Error("half way");
    });
    client.send("GET / HTTP/1.0\r\n\r\n");
    await assert.rejects(client.closed(), { code: "ECONNRESET" });
  });

  it("keeps an answer that was complete", async (t) => {
    const { client, log } = await serve(t, (exchange) => {
      exchange.end("whole");
      throw new Error("afterwards");
    });
    assert.equal((await client.get()).body, "whole");
    assert.match(log[0] ?? "", /afterwards/);
  });

  it("is no failure where the client has left", async (t) => {
    let failed: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      failed = resolve;
    });
    const { client, log } = await serve(t, async (exchange) => {
      client.destroy();
      await new Promise((resolve) => exchange.signal.addEventListener("abort", resolve));
      setImmediate(failed);
      throw new Error("aborted");
    });
    client.send("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
    await over;
    assert.deepEqual(log, ["debug: Client went away during request /gone"]);
  });
});

describe("hooks", () => {
  it("run before the application and after the answer", async (t) => {
    const order: string[] = [];
    let finished: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      finished = resolve;
    });
    const { client } = await serve(
      t,
      (exchange) => {
        order.push("app");
        return hello(exchange);
      },
      {
        hooks: {
          preRequest: ({ target }) => void order.push(`pre ${target}`),
          postRequest: (exchange) => {
            order.push(`post ${exchange.status} ${exchange.bodyBytes} ${exchange.responseHeader("x-a")}`);
            finished();
          },
        },
      },
    );
    await client.get("/x");
    await over;
    assert.deepEqual(order, ["pre /x", "app", "post 200 5 1, 2"]);
  });

  it("keep the application from a request by failing before it", async (t) => {
    const seen: string[] = [];
    const app: Handler = ({ target }) => void seen.push(target);
    // biome-ignore lint/suspicious/noThenProperty: a promise that is not Node's own
    const foreign = { then: (_: unknown, reject: (error: Error) => void) => reject(new Error("no")) };
    const fail = (): never => {
      throw new Error("no");
    };
    for (const preRequest of [() => Promise.reject(new Error("no")), () => foreign, fail]) {
      const { client, log } = await serve(t, app, { hooks: { preRequest } });
      assert.equal((await client.get("/x")).status, 500);
      assert.deepEqual(log, ["exception: Hook preRequest failed, and so the request /x: Error: no"]);
    }
    assert.deepEqual(seen, []);
  });

  it("harm nobody by failing afterwards", async (t) => {
    const failing = {
      postRequest: () => {
        throw new Error("no");
      },
    };
    const { client, log } = await serve(t, hello, { hooks: failing });
    await client.get();
    assert.equal((await client.get()).status, 200);
    assert.equal(log[0], "exception: Hook postRequest failed: Error: no");
  });
});

describe("the access log", () => {
  it("gets every exchange with its outcome, also where the response has another prototype", async (t) => {
    const records: string[] = [];
    const write = (record: AccessRecord, ms: number): void => {
      assert.ok(ms >= 0);
      records.push(`${record.method} ${record.target} ${record.status} ${record.bodyBytes}`);
    };
    const { client } = await serve(
      t,
      (exchange) => {
        const { res } = exchange.node();
        // As Express does.
        Object.setPrototypeOf(res, Object.create(Object.getPrototypeOf(res)));
        res.write("é", "latin1");
        res.end(Buffer.from("12345"));
      },
      { access: { needs: { client: false, bodyBytes: true, duration: true }, write } },
    );
    await client.get("/a");
    client.send("HEAD /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await client.closed();
    assert.deepEqual(records, ["GET /a 200 6", "HEAD /b 200 0"]);
  });
});

describe("a client that has gone", () => {
  const gone = async (t: TestContext, options: Partial<PipelineOptions>): Promise<void> => {
    const { client } = await serve(t, () => client.destroy(), options);
    client.send("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.closed();
  };

  it("is known to the access log", async (t) => {
    const line = await new Promise((resolve) => {
      const { write, needs } = accessLogTo([resolve], compileAccessFormat("%(h)s %(s)s"), assert.fail);
      void gone(t, { access: { needs, write } });
    });
    assert.equal(line, "127.0.0.1 499");
  });

  it("is known to postRequest", async (t) => {
    const address = await new Promise((resolve) => {
      void gone(t, { hooks: { postRequest: ({ client }) => resolve(client.address) } });
    });
    assert.equal(address, "127.0.0.1");
  });
});

describe("maxRequests", () => {
  it("asks for a replacement once, with its share of the jitter, and serves on", async (t) => {
    const { client, retired } = await serve(t, hello, { config: { maxRequests: 2, maxRequestsJitter: 2 } });
    await client.get();
    await client.get();
    assert.deepEqual(retired, []);
    await client.get();
    await client.get();
    assert.deepEqual(retired, ["it has taken 3 requests"]);
  });
});

it("nothing watches an exchange where nobody asks", () => {
  const quiet = createPipeline({
    app: hello,
    config: { maxRequests: 0, maxRequestsJitter: 0 },
    log: { debug() {}, info() {}, warning() {}, error() {}, exception() {} },
    access: null,
    hooks: {},
    random: Math.random,
    retire() {},
  });
  assert.deepEqual([quiet.over, quiet.countBytes], [undefined, false]);
});
