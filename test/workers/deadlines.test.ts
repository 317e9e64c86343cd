import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Exchange } from "../../src/protocols/exchange.ts";
import { createDeadlines, type Deadlines } from "../../src/workers/deadlines.ts";
import { eventloop } from "../../src/workers/eventloop.ts";
import { sweepInterval } from "../../src/workers/intervals.ts";
import type { RequestInFlight } from "../../src/workers/vitals.ts";
import { createVitals, readVitals } from "../../src/workers/vitals.ts";
import { type Client, connect } from "../contract/client.ts";
import { type Rig, rig } from "../contract/rig.ts";

interface Bench {
  readonly deadlines: Deadlines;
  readonly events: readonly string[];
  readonly vitals: ReturnType<typeof createVitals>;
  /** Lets milliseconds pass, with sweeps as often as they are due. */
  pass(milliseconds: number): void;
  /** Lets them pass at once, as for a loop that is blocked. */
  jump(milliseconds: number): void;
  /** The same, and nothing has come to run yet. */
  block(milliseconds: number): void;
}

function bench(requestTimeout: number, slowRequest = 0): Bench {
  const vitals = createVitals();
  const events: string[] = [];
  let now = 1_000;
  const names = (slow: readonly RequestInFlight[]): string => slow.map(({ line }) => line).join(", ");
  const deadlines = createDeadlines({
    config: { requestTimeout, slowRequest },
    vitals,
    now: () => now,
    onTimeout: (exchange, milliseconds, outcome) =>
      void events.push(`${outcome} ${exchange.target} after ${milliseconds}`),
    onSlow: (slow, blocked) => void events.push(`slow ${names(slow)}, blocked ${blocked}`),
  });
  const every = sweepInterval({ timeout: 0, requestTimeout, slowRequest });
  return {
    deadlines,
    events,
    vitals,
    pass(milliseconds) {
      for (const until = now + milliseconds; now < until; ) {
        now = Math.min(until, now + every);
        deadlines.sweep();
      }
    },
    jump(milliseconds) {
      now += milliseconds;
      deadlines.sweep();
    },
    block(milliseconds) {
      now += milliseconds;
    },
  };
}

interface Begun {
  readonly client: Client;
  readonly exchange: Exchange;
}

const begin = async (t: TestContext, served: Rig, { deadlines }: Bench, target = "/hold"): Promise<Begun> => {
  const client = await connect(served.port);
  t.after(() => client.destroy());
  client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const { exchange } = await served.held();
  deadlines.begin(exchange);
  return { client, exchange };
};

const serving = async (t: TestContext): Promise<Rig> => {
  const served = await rig(eventloop);
  t.after(() => served.serving.stop());
  return served;
};

describe("a request's deadline", () => {
  it("answers with 504 and closes the connection", async (t) => {
    const [served, limits] = [await serving(t), bench(5)];
    const { client, exchange } = await begin(t, served, limits);
    limits.pass(4_900);
    assert.equal(exchange.answered, false);
    limits.pass(100);
    const { status, headers, body } = await client.response();
    assert.deepEqual([status, headers.get("connection"), body], [504, "close", "Gateway Timeout\n"]);
    await client.closed();
    assert.deepEqual(limits.events, ["answered /hold after 5000"]);
    assert.deepEqual(served.over, ["/hold"]);
    assert.equal(exchange.status, 504);
  });

  it("aborts the signal with a TimeoutError, also for who asks later", async (t) => {
    const [served, limits] = [await serving(t), bench(5)];
    const { exchange } = await begin(t, served, limits);
    const early = exchange.signal;
    limits.pass(5_000);
    assert.deepEqual([early.aborted, early.reason.name], [true, "TimeoutError"]);
    const second = await begin(t, served, limits);
    limits.pass(5_000);
    await second.client.closed();
    assert.equal(second.exchange.signal.reason.name, "TimeoutError");
    assert.equal(Reflect.get(second.exchange.node().req, "signal").reason.name, "TimeoutError");
  });

  it("leaves an answer that is given on being told", async (t) => {
    const [served, limits] = [await serving(t), bench(5)];
    const { client, exchange } = await begin(t, served, limits);
    exchange.signal.addEventListener("abort", () => {
      exchange.head(503, undefined, ["Content-Length", "4"]);
      exchange.end("busy");
    });
    limits.pass(5_000);
    assert.equal((await client.response()).status, 503);
    assert.deepEqual(limits.events, []);
  });

  it("leaves an answer that is complete, however slowly its client reads", async (t) => {
    const [served, limits] = [await serving(t), bench(5)];
    const { client, exchange } = await begin(t, served, limits);
    exchange.end("x".repeat(16 << 20));
    limits.pass(60_000);
    assert.deepEqual(limits.events, []);
    assert.equal((await client.response()).status, 200);
  });

  it("cuts what has begun", async (t) => {
    const [served, limits] = [await serving(t), bench(5)];
    const { client, exchange } = await begin(t, served, limits);
    exchange.write("begun");
    limits.pass(5_000);
    await assert.rejects(client.response());
    assert.deepEqual(limits.events, ["cut /hold after 5000"]);
  });

  it("makes everything harmless that the application does afterwards", async (t) => {
    const [served, limits] = [await serving(t), bench(5)];
    const { client, exchange } = await begin(t, served, limits);
    const { res } = exchange.node();
    const errors: unknown[] = [];
    res.on("error", (error) => errors.push(error));
    limits.pass(5_000);
    res.statusCode = 201;
    res.setHeader("A", "b").removeHeader("A");
    res.appendHeader("A", "b");
    res.writeHead(200, { B: "c" }).flushHeaders();
    assert.equal(res.write("late"), false);
    assert.equal(res.end("late"), res);
    exchange.head(200, undefined, []);
    exchange.write("late");
    exchange.end("late");
    assert.equal((await client.response()).body, "Gateway Timeout\n");
    await client.closed();
    res.end("later");
    res.write("later");
    assert.deepEqual([errors, exchange.status], [[], 504]);
  });

  it("moves when the application asks for more time", async (t) => {
    const [served, limits] = [await serving(t), bench(5)];
    const { exchange } = await begin(t, served, limits);
    exchange.extraTime += 10_000;
    limits.pass(14_900);
    assert.deepEqual(limits.events, []);
    limits.pass(200);
    assert.equal(limits.events.length, 1);
  });

  it("does not count time in which the process was stopped", async (t) => {
    const [served, limits] = [await serving(t), bench(5)];
    await begin(t, served, limits);
    limits.pass(2_000);
    limits.jump(60_000);
    limits.pass(2_000);
    assert.deepEqual(limits.events, []);
    limits.pass(2_000);
    assert.equal(limits.events.length, 1);
  });

  it("has of such time only what the request was there for", async (t) => {
    const [served, limits] = [await serving(t), bench(5)];
    await begin(t, served, limits, "/hold/stopped");
    limits.block(8_000);
    await begin(t, served, limits, "/hold/later");
    limits.jump(0);
    limits.pass(5_000);
    assert.deepEqual(limits.events, [
      "answered /hold/stopped after 12500",
      "answered /hold/later after 5000",
    ]);
  });

  it("is no more once the request is over, and its place is another's", async (t) => {
    const [served, limits] = [await serving(t), bench(5)];
    const first = await begin(t, served, limits);
    limits.pass(4_000);
    first.exchange.end("in time");
    limits.deadlines.end(first.exchange);
    const second = await begin(t, served, limits, "/hold/2");
    assert.deepEqual([first.exchange.place, second.exchange.place], [-1, 0]);
    limits.pass(4_000);
    assert.deepEqual(limits.events, []);
    assert.deepEqual(
      limits.deadlines.requests().map(({ line }) => line),
      ["GET /hold/2"],
    );
    limits.pass(1_500);
    assert.deepEqual(limits.events, ["answered /hold/2 after 5000"]);
  });
});

it("after a crowd has gone, all in flight are shown to other threads", async (t) => {
  const [served, limits] = [await serving(t), bench(5)];
  const { exchange } = await begin(t, served, limits);
  limits.deadlines.end(exchange);
  const another = (): Exchange => Object.create(exchange);
  const crowd = Array.from({ length: 300 }, another);
  for (const one of crowd) limits.deadlines.begin(one);
  for (const one of crowd) limits.deadlines.end(one);
  for (let count = 0; count < 5; count++) limits.deadlines.begin(another());
  assert.equal(readVitals(limits.vitals.shared).requests().length, 5);
});

describe("a slow request", () => {
  it("is told of once, together with others that become slow at the same time", async (t) => {
    const [served, limits] = [await serving(t), bench(0, 2)];
    await begin(t, served, limits, "/hold/1");
    await begin(t, served, limits, "/hold/2");
    limits.pass(10_000);
    assert.deepEqual(limits.events, ["slow GET /hold/1, GET /hold/2, blocked 0"]);
  });

  it("tells for how long the loop was blocked", async (t) => {
    const [served, limits] = [await serving(t), bench(0, 2)];
    await begin(t, served, limits);
    limits.jump(2_700);
    assert.deepEqual(limits.events, ["slow GET /hold, blocked 2500"]);
  });

  it("is told of where it ends in the turn of the loop that it has blocked", async (t) => {
    const [served, limits] = [await serving(t), bench(0, 2)];
    const { exchange } = await begin(t, served, limits);
    limits.block(2_700);
    limits.deadlines.end(exchange);
    limits.deadlines.sweep();
    assert.deepEqual(limits.events, ["slow GET /hold, blocked 2500"]);
  });

  it("is not told of again at its end, and one that is not slow never", async (t) => {
    const [served, limits] = [await serving(t), bench(0, 2)];
    const slow = await begin(t, served, limits, "/hold/slow");
    limits.pass(2_000);
    const quick = await begin(t, served, limits, "/hold/quick");
    limits.pass(1_000);
    for (const { exchange } of [slow, quick]) limits.deadlines.end(exchange);
    assert.deepEqual(limits.events, ["slow GET /hold/slow, blocked 0"]);
  });

  it("is left to the watchdog where that was first", async (t) => {
    const [served, limits] = [await serving(t), bench(0, 2)];
    await begin(t, served, limits);
    assert.equal(readVitals(limits.vitals.shared).tellSlow(1_000).length, 1);
    limits.pass(10_000);
    assert.deepEqual(limits.events, []);
  });
});

it("a loop looks ten times in every limit, and at least twice a second", () => {
  const interval = (timeout: number, requestTimeout: number, slowRequest: number): number =>
    sweepInterval({ timeout, requestTimeout, slowRequest });
  assert.deepEqual(
    [interval(30, 0, 0), interval(1, 0, 0), interval(30, 5, 0), interval(30, 5, 2), interval(0, 0.01, 0)],
    [500, 100, 500, 200, 5],
  );
});
