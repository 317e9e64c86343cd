import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import http2, { type ClientHttp2Session, type OutgoingHttpHeaders } from "node:http2";
import net from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { hasPeers } from "../peers/peer.ts";
import { get, ready } from "./client.ts";
import { frame } from "./h2-frame.ts";
import { openLatch } from "./latch.ts";
import { FIXTURES, type Server, start } from "./server.ts";
import { certified, pem } from "./tls-client.ts";

/** Of a Node whose node:http2 has known holes. */
const HOLES = /httpProtocols: h2 on Node \S+ has known holes/;
const H2 = ["-b", "127.0.0.1:0", "--log-level", "debug", "--http-protocols", "h2,h1"];
const ARGS = [...H2, "--chdir", FIXTURES];

interface Told {
  readonly status: number;
  readonly body: string;
  readonly trailers: Record<string, unknown>;
  readonly hints: readonly (number | undefined)[];
}

/** Asks on `session`; rejects where the stream is reset. */
function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string): Promise<Told> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined });
    let status = 0;
    let text = "";
    let trailers: Record<string, unknown> = {};
    const hints: (number | undefined)[] = [];
    stream.on("headers", (found) => hints.push(found[":status"]));
    stream.on("response", (found) => {
      status = found[":status"] ?? 0;
    });
    stream.on("trailers", (found) => {
      trailers = { ...found };
    });
    stream.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
    stream.on("error", () => undefined);
    stream.on("close", () => {
      if (stream.rstCode === 0 && status !== 0) resolve({ status, body: text, trailers, hints });
      else reject(new Error(`${headers[":path"]} reset with ${stream.rstCode}`));
    });
    if (body !== undefined) stream.end(body);
  });
}

async function connect(t: TestContext, server: Server, tls = false): Promise<ClientHttp2Session> {
  return connectTo(t, await server.port(), tls);
}

async function connectTo(
  t: TestContext,
  port: number,
  tls: boolean,
  settings: http2.Settings = {},
): Promise<ClientHttp2Session> {
  const session = tls
    ? http2.connect(`https://a.test:${port}`, {
        ca: pem("ca.pem"),
        lookup: (_host, _options, found) => found(null, [{ address: "127.0.0.1", family: 4 }]),
        settings,
      })
    : http2.connect(`http://127.0.0.1:${port}`, { settings });
  session.on("error", () => undefined);
  t.after(() => session.destroy());
  await once(session, "remoteSettings");
  return session;
}

for (const kind of ["sync", "eventloop", "threaded"]) {
  for (const tls of [true, false]) {
    test(`${kind}, ${tls ? "TLS" : "prior knowledge"}: requests, bodies, hints and trailers`, async (t) => {
      const args = [
        "-k",
        kind,
        ...(tls ? certified("a") : []),
        "--access-logfile",
        "-",
        ...ARGS,
        "apps:telling",
      ];
      const server = start(t, args, { expected: [HOLES] });
      await ready(server, 1);
      const session = await connect(t, server, tls);
      const body = "x".repeat(300_000);
      const [post, streamed] = await Promise.all([
        ask(session, { ":method": "POST", ":path": "/up?a=1", cookie: ["a=1", "b=2"] }, body),
        ask(session, { ":path": "/stream", te: "trailers" }),
      ]);
      const { host, ...told } = JSON.parse(post.body);
      assert.deepEqual(told, {
        method: "POST",
        url: "/up?a=1",
        cookie: "a=1; b=2",
        httpVersion: "2.0",
        length: 300_000,
      });
      assert.match(host, /:\d+$/);
      assert.equal(streamed.body.length, 64 * 16_384);
      assert.deepEqual(streamed.hints, [103]);
      assert.equal(streamed.trailers["x-sum"], "64");
      session.destroy();
      await server.stop();
      assert.match(server.stdout(), /"POST \/up\?a=1 HTTP\/2\.0" 200/);
    });
  }
}

test("requests of one connection run side by side, and a drain loses none of them", async (t) => {
  const latch = await openLatch();
  t.after(() => latch.close());
  const server = start(t, ["-k", "eventloop", ...ARGS, "apps:hold"], {
    env: { LATCH: latch.path },
    expected: [HOLES],
  });
  await ready(server, 1);
  const session = await connect(t, server);
  const goaway = once(session, "goaway");
  const answers = Promise.all([1, 2, 3].map(() => ask(session, { ":path": "/hold" })));
  const held = await Promise.all([latch.held(), latch.held(), latch.held()]);
  assert.equal((await ask(session, { ":path": "/" })).status, 200);
  server.signal("SIGTERM");
  assert.equal((await goaway)[0], 0);
  // Until the client has heard of it, what it sends is answered.
  for (const one of held) one.release();
  for (const { status, body } of await answers) assert.deepEqual([status, body], [200, "released\n"]);
  await server.stop();
});

test("an idle connection whose time is up while the loop is blocked has its next request answered", async (t) => {
  const server = start(t, ["-k", "eventloop", ...H2, "--keep-alive", "1", "app.mjs:app"], {
    files: {
      "app.mjs": `
        import { existsSync } from "node:fs";
        export const app = (req, res) => {
          const until = performance.now() + 1_500;
          if (req.url === "/block") {
            process.stderr.write("blocking\\n");
            while (!existsSync("asked") || performance.now() < until);
          }
          res.end("done");
        };`,
    },
    expected: [HOLES],
    leaves: ["asked"],
  });
  await ready(server, 1);
  const session = await connect(t, server);
  assert.equal((await ask(session, { ":path": "/" })).status, 200);
  const blocking = get(await server.url("/block"));
  await server.saw(/blocking/);
  const answer = ask(session, { ":path": "/" });
  // Node sends it at the end of its turn.
  await setImmediate();
  await setImmediate();
  writeFileSync(join(server.dir, "asked"), "");
  assert.equal((await answer).status, 200);
  await blocking;
  await server.stop();
});

test("HTTP/1.1 is answered on the same address; without h2 a client is told in the log", async (t) => {
  const both = start(t, [...ARGS, "apps:pid"], { expected: [HOLES] });
  await ready(both, 1);
  assert.equal((await get(await both.url())).status, 200);
  await both.stop();
  const one = start(t, ["-b", "127.0.0.1:0", "--chdir", FIXTURES, "apps:pid"], {
    expected: [/Invalid request/],
  });
  const session = http2.connect(`http://127.0.0.1:${await one.port()}`);
  session.on("error", () => undefined);
  await one.saw(/Invalid request from ip=127\.0\.0\.1: HTTP\/2 was sent, which takes httpProtocols with h2/);
  session.destroy();
  await one.stop();
});

test("what HTTP/1 carries and HTTP/2 does not is left out, and ends no worker", async (t) => {
  const app = `export const app = (req, res) => setImmediate(() => {
    if (req.url === "/upgrade") return res.writeHead(101).end();
    for (const name of ["TE", "HTTP2-Settings", "Connection", "Keep-Alive", "Upgrade", "constructor"]) res.setHeader(name, "x");
    res.setHeader("Trailer", "TE");
    res.write("a");
    res.addTrailers({ TE: "gzip", "x-sum": "1" });
    res.end("b");
  });`;
  const expected = [HOLES, /GET \/upgrade has no status that could be the last: it is cut/];
  const args = ["-k", "eventloop", "-b", "127.0.0.1:0", "--log-level", "debug", "--http-protocols", "h2,h1"];
  const server = start(t, [...args, "app:app"], { files: { "app.mjs": app }, expected });
  await ready(server, 1);
  const session = await connect(t, server);
  await assert.rejects(ask(session, { ":path": "/upgrade" }), /\/upgrade reset/);
  const { status, body, trailers } = await ask(session, { ":path": "/" });
  assert.deepEqual([status, body, Object.entries(trailers)], [200, "ab", [["x-sum", "1"]]]);
  session.destroy();
  await server.stop();
  assert.equal(server.count(/Booting worker=/), 1);
});

test("the limits of HTTP/1 hold, by the same statuses, and harm no other request", async (t) => {
  const limits = [
    "--limit-request-fields",
    "10",
    "--limit-request-field_size",
    "100",
    "--limit-request-line",
    "60",
  ];
  const expected = [HOLES, /Invalid request from ip=127\.0\.0\.1/];
  const server = start(t, ["-k", "eventloop", ...limits, ...ARGS, "apps:pid"], { expected });
  await ready(server, 1);
  const session = await connect(t, server);
  const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`x-${i}`, "1"]));
  const statusOf = async (headers: OutgoingHttpHeaders): Promise<number> =>
    (await ask(session, headers)).status;
  assert.equal(await statusOf({ ":path": `/${"x".repeat(80)}` }), 414);
  assert.equal(await statusOf({ ":path": "/", ...many }), 431);
  assert.equal(await statusOf({ ":path": "/", "x-long": "x".repeat(120) }), 431);
  assert.equal(await statusOf({ ":path": "/" }), 200);
  session.destroy();
  await server.stop();
});

test("a client that breaks off request after request is cut off, and no other notices", async (t) => {
  const expected = [HOLES, /breaks off too many requests/];
  const args = ["-k", "eventloop", "--http2-max-resets", "20", ...ARGS, "apps:telling"];
  const server = start(t, args, { expected });
  await ready(server, 1);
  const [rude, other] = [await connect(t, server), await connect(t, server)];
  let code: number | undefined;
  rude.on("goaway", (given) => {
    code = given;
  });
  // Its error is what is wanted here, and no rejection.
  const closed = new Promise<void>((resolve) => rude.once("close", () => resolve()));
  for (let i = 0; i < 40 && !rude.closed && !rude.destroyed; i++) {
    const stream = rude.request({ ":method": "POST", ":path": "/" }, { endStream: false });
    stream.on("error", () => undefined);
    // Sent, and not taken back before that.
    await setImmediate();
    stream.close(http2.constants.NGHTTP2_CANCEL);
  }
  await server.saw(/breaks off too many requests/);
  await closed;
  // Who goes on sending may be reset before it reads the GOAWAY.
  assert.ok(code === undefined || code === http2.constants.NGHTTP2_ENHANCE_YOUR_CALM, String(code));
  assert.equal((await ask(other, { ":path": "/" })).status, 200);
  other.destroy();
  await server.stop();
});

/** Writes for as long as anybody takes it, and tells of it. */
const WRITER = `
let written = 0;
let over;
const end = new Promise((resolve) => { over = resolve; });
const piece = Buffer.alloc(16_384);
export default async (req, res) => {
  if (req.url === "/written") return res.end(String(written));
  if (req.url === "/over") return res.end(await end);
  res.on("close", () => over("over"));
  const more = () => {
    do written++;
    while (!res.destroyed && res.write(piece));
  };
  res.on("drain", more);
  more();
};
`;

test("a client over TLS that reads no more and breaks off without a word is noticed", async (t) => {
  const args = ["-k", "eventloop", ...certified("a"), ...H2, "app:default"];
  const server = start(t, args, { expected: [HOLES], files: { "app.mjs": WRITER } });
  await ready(server, 1);
  const port = await server.port();
  // Between the two, as Node's own client can't be kept from reading.
  const relay = net.createServer((client) => {
    const upstream = net.connect(port, "127.0.0.1");
    client.on("error", () => undefined).pipe(upstream);
    let passed = 0;
    upstream.on("data", (bytes: Buffer) => {
      client.write(bytes);
      passed += bytes.length;
      if (passed < 300_000) return;
      upstream.pause();
      relay.once("break", () => upstream.resetAndDestroy());
    });
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  t.after(() => relay.close());
  const address = relay.address();
  assert.ok(typeof address === "object" && address !== null);
  const windows = { initialWindowSize: 2 ** 30 };
  const slow = await connectTo(t, address.port, true, windows);
  slow.setLocalWindowSize(2 ** 30);
  const stream = slow.request({ ":path": "/" });
  stream.on("error", () => undefined).resume();
  const other = await connect(t, server, true);
  const written = async (): Promise<number> => Number((await ask(other, { ":path": "/written" })).body);
  // Until nothing more goes out.
  for (let before = -1, now = 0; now !== before || now < 20; ) [before, now] = [now, await written()];
  relay.emit("break");
  assert.equal((await ask(other, { ":path": "/over" })).body, "over");
  other.destroy();
  slow.destroy();
  await server.stop();
});

test("a head that never ends is cut off: a flood of CONTINUATION frames", async (t) => {
  const server = start(t, ["-k", "eventloop", ...ARGS, "apps:pid"], { expected: [HOLES] });
  await ready(server, 1);
  const socket = net.connect(await server.port(), "127.0.0.1");
  socket.on("error", () => undefined);
  // A literal field, never indexed: "a" with 100 bytes.
  const field = Buffer.concat([Buffer.from([0x00, 1, 0x61, 100]), Buffer.alloc(100, 0x62)]);
  const fields = Buffer.concat(Array.from({ length: 100 }, () => field));
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(frame(4, 0, 0, Buffer.alloc(0)));
  socket.write(frame(1, 0, 1, fields));
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  socket.resume();
  let sent = 0;
  const flood = (): void => {
    while (!socket.destroyed && sent++ < 5_000 && socket.write(frame(9, 0, 1, fields)));
  };
  socket.on("drain", flood);
  flood();
  await closed;
  assert.ok(sent < 5_000);
  assert.equal((await ask(await connect(t, server), { ":path": "/" })).status, 200);
  await server.stop();
});

test("curl and h2load speak it", async (t) => {
  if (!hasPeers(t, "curl", "h2load")) return;
  const args = ["-k", "eventloop", ...certified("a"), ...ARGS, "-b", "http://127.0.0.1:0", "apps:telling"];
  const server = start(t, args, { expected: [HOLES] });
  await ready(server, 1);
  const [, tls, plain] = await server.saw(/Listening at: https:\S+?:(\d+),http:\S+?:(\d+) /);
  const run = (program: string, ...words: string[]): string =>
    execFileSync(program, words, { encoding: "utf8", timeout: 20_000 });
  const ca = join(FIXTURES, "tls", "ca.pem");
  const secure = run(
    "curl",
    "-s",
    "--cacert",
    ca,
    "--connect-to",
    `::127.0.0.1:${tls}`,
    `https://a.test:${tls}/x`,
  );
  assert.equal(JSON.parse(secure).httpVersion, "2.0");
  const big = "x".repeat(100_000);
  const known = run("curl", "-s", "--http2-prior-knowledge", "-d", big, `http://127.0.0.1:${plain}/`);
  assert.equal(JSON.parse(known).length, 100_000);
  // As Firefox asks.
  const takes = ["--http2-prior-knowledge", "-H", "TE: trailers", `http://127.0.0.1:${plain}/`];
  assert.equal(JSON.parse(run("curl", "-s", ...takes)).httpVersion, "2.0");
  const load = run("h2load", "-n", "2000", "-c", "4", "-m", "20", `https://127.0.0.1:${tls}/`);
  assert.match(load, /2000 succeeded, 0 failed, 0 errored/);
  await server.stop();
});
