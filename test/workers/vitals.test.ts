import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import { descriptorOf } from "../../src/os/descriptor.ts";
import { createVitals, readVitals, sharedNow, type Told } from "../../src/workers/vitals.ts";

const request = (target: string, port: number | undefined = 50_000, address = "10.0.0.7"): Told => ({
  method: "GET",
  target,
  client: { address, port },
  clientAtHand: { address, port },
});

/** A connection, and what the server's end of it is asked by. */
async function connected(
  t: TestContext,
  host: string | undefined,
): Promise<[client: net.Socket, told: Told, socket: net.Socket]> {
  const dir = mkdtempSync(join(tmpdir(), "tgunicorn-vitals-"));
  const server = net.createServer();
  server.listen(host === undefined ? { path: join(dir, "socket") } : { port: 0, host });
  await once(server, "listening");
  const at = server.address();
  const client =
    typeof at === "object" && at !== null ? net.connect(at.port, host) : net.connect(join(dir, "socket"));
  const [socket]: net.Socket[] = await once(server, "connection");
  t.after(() => {
    client.destroy();
    socket?.destroy();
    server.close();
    rmSync(dir, { recursive: true, force: true });
  });
  assert.ok(socket !== undefined);
  return [client, { ...request("/"), clientAtHand: descriptorOf(socket) }, socket];
}

describe("vitals", () => {
  it("show the requests in flight, the longest first", () => {
    const vitals = createVitals();
    const signs = readVitals(vitals.shared);
    vitals.begin(0, request("/second"), 200);
    vitals.begin(1, request("/first", 50_001, "::1"), 100);
    vitals.begin(2, request("/third", undefined, ""), 300);
    assert.deepEqual(signs.requests(), [
      { line: "GET /first", client: "[::1]:50001", began: 100 },
      { line: "GET /second", client: "10.0.0.7:50000", began: 200 },
      { line: "GET /third", client: "a unix socket", began: 300 },
    ]);
    vitals.end(0);
    assert.deepEqual(
      signs.requests().map(({ line }) => line),
      ["GET /first", "GET /third"],
    );
    assert.equal(signs.count, 2);
  });

  for (const host of ["127.0.0.1", "::1", undefined]) {
    it(`find the client of a connection on ${host ?? "a unix socket"} when somebody reads`, async (t) => {
      const [client, told] = await connected(t, host);
      const vitals = createVitals(true);
      vitals.begin(0, told, 1);
      const name = host?.includes(":") === true ? `[${host}]` : host;
      assert.equal(
        readVitals(vitals.shared).requests()[0]?.client,
        name === undefined ? "a unix socket" : `${name}:${client.localPort}`,
      );
    });
  }

  it("know a client that was found once, and do not take another's for one whose request is over", async (t) => {
    const [client, told, socket] = await connected(t, "127.0.0.1");
    const vitals = createVitals(true);
    const signs = readVitals(vitals.shared);
    vitals.begin(0, told, 1);
    const glimpse = signs.glimpse();
    const name = `127.0.0.1:${client.localPort}`;
    assert.equal(signs.requests()[0]?.client, name);
    const closed = once(socket, "close");
    socket.destroy();
    await closed;
    assert.equal(signs.requests()[0]?.client, name);
    const [, other] = await connected(t, "127.0.0.1");
    vitals.begin(1, other, 2);
    const later = signs.glimpse();
    vitals.end(0);
    vitals.end(1);
    assert.deepEqual(
      glimpse().map((request) => request.client),
      [name],
    );
    assert.deepEqual(
      later().map((request) => request.client),
      [name, "a client that has gone"],
    );
    assert.deepEqual(signs.requests(), []);
  });

  it("use a place again without a trace of what was there", () => {
    const vitals = createVitals();
    const signs = readVitals(vitals.shared);
    vitals.begin(0, request(`/${"long".repeat(20)}`), 1);
    vitals.end(0);
    vitals.begin(0, request("/"), 2);
    assert.deepEqual(signs.requests(), [{ line: "GET /", client: "10.0.0.7:50000", began: 2 }]);
  });

  it("cut what is too long, and say so", () => {
    const vitals = createVitals();
    vitals.begin(0, request(`/${"x".repeat(5_000)}`), 1);
    const [shown] = readVitals(vitals.shared).requests();
    assert.match(shown?.line ?? "", /^GET \/x{195}\.\.\.$/);
    assert.equal(shown?.client, "10.0.0.7:50000");
  });

  it("keep to their place, however long a method is", () => {
    for (const length of [199, 200, 248, 4_000]) {
      const vitals = createVitals();
      const signs = readVitals(vitals.shared);
      vitals.begin(1, request("/other"), 1);
      vitals.end(1);
      vitals.begin(0, { ...request("/"), method: "M".repeat(length) }, 2);
      const lines = signs.requests().map(({ line }) => line);
      assert.deepEqual(lines, [`${"M".repeat(199)} ...`]);
    }
  });

  it("keep bytes beyond ASCII as they came", () => {
    const vitals = createVitals();
    vitals.begin(0, request("/\u00c3\u00a9"), 1);
    assert.equal(readVitals(vitals.shared).requests()[0]?.line, "GET /\u00c3\u00a9");
  });

  it("count all, and show the latest of those that have no place", () => {
    const vitals = createVitals();
    const signs = readVitals(vitals.shared);
    for (let place = 0; place < 300; place++) vitals.begin(place, request(`/${place}`), place);
    const shown = signs.requests();
    assert.deepEqual([signs.count, shown.length, shown.at(-1)?.line], [300, 128, "GET /299"]);
    vitals.end(200);
    assert.equal(signs.requests().at(-1)?.line, "GET /299");
    vitals.end(299);
    assert.deepEqual([signs.count, signs.requests().at(-1)?.line], [298, "GET /126"]);
  });

  it("have each slow request told of once, by whoever comes first", () => {
    const vitals = createVitals();
    const signs = readVitals(vitals.shared);
    vitals.begin(0, request("/a"), 100);
    vitals.begin(1, request("/b"), 200);
    assert.deepEqual(
      signs.tellSlow(150).map(({ line }) => line),
      ["GET /a"],
    );
    assert.equal(vitals.tell(0), false);
    assert.equal(vitals.tell(1), true);
    assert.deepEqual(signs.tellSlow(1_000), []);
    vitals.end(1);
    vitals.begin(1, request("/c"), 300);
    assert.equal(signs.tellSlow(1_000).length, 1);
  });

  it("tell when the loop ran", () => {
    const vitals = createVitals();
    const signs = readVitals(vitals.shared);
    vitals.beat(5, true);
    assert.deepEqual([signs.beatAt, signs.ranAt, signs.inspected], [5, 5, true]);
    vitals.runs(6);
    vitals.beat(7, false);
    vitals.runs(8);
    assert.deepEqual([signs.beatAt, signs.ranAt, signs.inspected], [7, 8, false]);
  });
});

describe("sharedNow", () => {
  it("is the same clock in every thread", async () => {
    const code = `
      import { parentPort } from "node:worker_threads";
      const { sharedNow } = await import(${JSON.stringify(import.meta.resolve("../../src/workers/vitals.js"))});
      parentPort.postMessage(sharedNow());`;
    const before = sharedNow();
    const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
    const within = await new Promise<number>((resolve, reject) =>
      thread.on("message", resolve).on("error", reject),
    );
    assert.ok(before < within && within < sharedNow(), `${before} < ${within}`);
  });
});
