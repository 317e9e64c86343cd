// What idle connections cost one worker: memory for each after a collection, and the latency of one client that is busy
// meanwhile; against bare node:http and bare ws. Run after `npm run build`, with room for descriptors (`ulimit -n`):
//   node bench/idle.mjs [keep-alive connections] [WebSockets] [words of the servers' names]

import { fork, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import v8 from "node:v8";
import vm from "node:vm";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { ROLE } = process.env;
/** Connections that one process of clients holds. */
const EACH = 2_500;

const BARE = { "bare http": plain, "bare ws": attached, "bare ws, awaited": awaited };
if (ROLE in BARE) {
  const server = await BARE[ROLE]();
  server.keepAliveTimeout = 600_000;
  server.listen(0, "127.0.0.1", 2_048, () => process.send(server.address().port));
} else if (ROLE === "clients") {
  process.on("message", hold);
} else if (process.argv[1] === here("idle.mjs")) {
  await main();
}

// The applications.

async function plain() {
  const http = await import("node:http");
  return http.createServer(app);
}

export function app(req, res) {
  res.end(answer(req.url));
}

export async function attached() {
  const { WebSocketServer } = await import("ws");
  const server = await plain();
  new WebSocketServer({ server }).on("connection", (ws) =>
    ws.on("message", (data, binary) => ws.send(data, { binary })),
  );
  return server;
}

/** What an application's own waiting costs: one that asks for each message, as ASGI's do. */
async function awaited() {
  const { WebSocketServer } = await import("ws");
  const server = await plain();
  const echo = async (ws) => {
    for (;;) {
      const [data, binary] = await new Promise((resolve) => ws.once("message", (...event) => resolve(event)));
      ws.send(data, { binary });
    }
  };
  new WebSocketServer({ server }).on("connection", echo);
  return server;
}

export async function asgi(scope, receive, send) {
  if (scope.type === "lifespan") throw new Error("none");
  await receive();
  if (scope.type === "http") {
    await send({ type: "http.response.start", status: 200 });
    return send({ type: "http.response.body", body: answer(scope.path) });
  }
  await send({ type: "websocket.accept" });
  for (;;) {
    const event = await receive();
    if (event.type !== "websocket.receive") return;
    await send({ type: "websocket.send", text: event.text });
  }
}

/** For `/collect`, what the heap holds when what is garbage has been collected; `/snapshot` writes it down, to look into. */
function answer(path) {
  if (path === "/snapshot") return v8.writeHeapSnapshot();
  if (path !== "/collect") return "hello";
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc");
  for (let i = 0; i < 3; i++) collect();
  return String(process.memoryUsage().heapUsed);
}

// The clients.

function hold({ port, count, kind, from }) {
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  const head =
    kind === "sockets"
      ? `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n`
      : "";
  const request = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUser-Agent: idle\r\nAccept: */*\r\n${head}\r\n`;
  const last = kind === "sockets" ? acceptOf(key) : "hello";
  let begun = 0;
  let there = 0;
  const open = () => {
    if (begun === count) return;
    begun++;
    const socket = net.connect({ host: "127.0.0.1", localAddress: from, port }, () => socket.write(request));
    let got = "";
    socket.on("data", (data) => {
      const was = got.includes(last);
      got += data.toString("latin1");
      if (was || !got.includes(last)) return;
      there++;
      if (there === count) process.send("there");
      open();
    });
    socket.on("close", () => process.send("closed"));
  };
  for (let i = 0; i < 64; i++) open();
}

function acceptOf(key) {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

// The measurement.

async function main() {
  const [connections, sockets] = [process.argv[2] ?? 10_000, process.argv[3] ?? 5_000].map(Number);
  const wanted = process.argv.slice(4);
  const servers = [
    ["keep-alive, bare node:http", connections, "keep-alive", () => bare("bare http")],
    ["keep-alive, tgunicorn", connections, "keep-alive", () => tgunicorn("idle.mjs:app", "node")],
    ["WebSocket, bare ws", sockets, "sockets", () => bare("bare ws")],
    ["WebSocket, tgunicorn, ws attached", sockets, "sockets", () => tgunicorn("idle.mjs:attached()", "node")],
    ["WebSocket, bare ws, awaited", sockets, "sockets", () => bare("bare ws, awaited")],
    ["WebSocket, tgunicorn, asgi", sockets, "sockets", () => tgunicorn("idle.mjs:asgi", "asgi")],
  ];
  console.log(`${"".padEnd(34)}  each, KB: PSS   heap    p99, ms: alone  with them`);
  const bareOnes = new Map();
  for (const [name, count, kind, start] of servers) {
    if (!wanted.every((word) => name.includes(word)) || count === 0) continue;
    const { pss, heap, alone, together } = await measure(await start(), count, kind);
    const yardstick = bareOnes.get(kind) ?? pss;
    bareOnes.set(kind, yardstick);
    const figures = [pss.toFixed(1).padStart(14), heap.toFixed(1).padStart(6), alone.toFixed(2).padStart(15)];
    console.log(
      `${name.padEnd(34)}${figures.join(" ")} ${together.toFixed(2).padStart(10)}   ${count} of them, x ${(pss / yardstick).toFixed(2)}`,
    );
  }
}

async function measure({ port, pid, stop }, count, kind) {
  const clients = [];
  try {
    await busy(port, 700);
    const alone = await busy(port, 1_500);
    const before = await memory(port, pid);
    const there = [];
    for (let left = count, i = 2; left > 0; left -= EACH, i++) {
      const child = fork(here("idle.mjs"), { env: { ...process.env, ROLE: "clients" } });
      child.send({ port, count: Math.min(left, EACH), kind, from: `127.0.0.${i}` });
      clients.push(child);
      there.push(once(child, "message").then(([word]) => word));
    }
    const words = await Promise.race([Promise.all(there), pause(30_000, ["late"], { ref: false })]);
    if (words.some((word) => word !== "there")) throw new Error(`not all connections are there: ${words}`);
    let lost = 0;
    for (const child of clients) child.on("message", () => lost++);
    const after = await memory(port, pid);
    const together = await busy(port, 1_500);
    if (process.env.SNAPSHOT) console.log(await ask(await connect(port), "/snapshot"));
    if (lost > 0) throw new Error(`${lost} connections were lost`);
    const each = (what) => (after[what] - before[what]) / count;
    return { pss: each("pss"), heap: each("heap"), alone, together };
  } finally {
    for (const child of clients) child.kill();
    await stop();
  }
}

/** In KB, once it has settled: what is freed goes back to the system by and by. */
async function memory(port, pid) {
  await pause(700);
  const socket = await connect(port);
  let heap = "";
  for (let i = 0; i < 3; i++) {
    heap = await ask(socket, "/collect");
    await pause(300);
  }
  socket.destroy();
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return { pss: Number(/^Pss:\s+(\d+) kB/m.exec(rollup)[1]), heap: Number(heap) / 1_024 };
}

/** The 99th percentile of a client that asks again when it is answered, in milliseconds. */
async function busy(port, milliseconds) {
  const socket = await connect(port);
  const took = [];
  for (const end = performance.now() + milliseconds; performance.now() < end; ) {
    const begun = performance.now();
    await ask(socket, "/");
    took.push(performance.now() - begun);
  }
  socket.destroy();
  return took.sort((a, b) => a - b)[Math.floor(took.length * 0.99)];
}

async function connect(port) {
  const socket = net.connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  await once(socket, "connect");
  return socket;
}

/** The body of the answer, which comes in one piece or in chunks of which the first is all. */
async function ask(socket, path) {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  let got = "";
  for (;;) {
    const [data] = await once(socket, "data");
    got += data.toString("latin1");
    const end = got.indexOf("\r\n\r\n");
    if (end < 0) continue;
    const length = /content-length: (\d+)/i.exec(got);
    const body = got.slice(end + 4);
    if (length !== null && body.length >= Number(length[1])) return body;
    if (length === null && body.endsWith("0\r\n\r\n")) return body.split("\r\n")[1];
  }
}

// The servers.

async function bare(role) {
  const child = fork(here("idle.mjs"), { env: { ...process.env, ROLE: role } });
  const [port] = await once(child, "message");
  return { port, pid: child.pid, stop: () => ended(child) };
}

async function tgunicorn(application, kind) {
  const options = ["-k", "eventloop", "-b", "127.0.0.1:0", "--log-level", "debug", "--interface", kind];
  options.push("--worker-connections", "20000", "--keep-alive", "600", "--chdir", here("."));
  options.push(...(process.env.OPTIONS ?? "").split(" ").filter((one) => one !== ""));
  const child = spawn(process.execPath, [here("../dist/main.js"), ...options, application], {
    stdio: ["ignore", "inherit", "pipe"],
  });
  let log = "";
  for await (const text of child.stderr.iterator({ destroyOnReturn: false })) {
    log += text;
    if (/Ready worker/.test(log)) break;
  }
  child.stderr.resume();
  const port = /Listening at: http:\/\/127\.0\.0\.1:(\d+)/.exec(log)?.[1];
  const pid = /Booting worker=1 gen=1 pid=(\d+)/.exec(log)?.[1];
  if (port === undefined || pid === undefined) throw new Error(log);
  return { port: Number(port), pid, stop: () => ended(child) };
}

async function ended(child) {
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await gone;
  clearTimeout(late);
}
