// WebSocket echo: messages per CPU second of one worker, against bare ws on node:http. Run after `npm run build`:
//   node bench/websocket.mjs [seconds] [rounds] [sockets]

import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";

const [seconds, rounds, count] = [process.argv[2] ?? 2, process.argv[3] ?? 3, process.argv[4] ?? 32].map(
  Number,
);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

if (process.env.ROLE === "bare") {
  const http = await import("node:http");
  const { WebSocketServer } = await import("ws");
  const server = http.createServer();
  echo(new WebSocketServer({ server }));
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
} else if (process.argv[1] === here("websocket.mjs")) {
  await main();
}

function echo(sockets) {
  sockets.on("connection", (ws) => ws.on("message", (data, binary) => ws.send(data, { binary })));
}

/** For tgunicorn: a server with ws attached, and an ASGI application. */
export async function node() {
  const http = await import("node:http");
  const { WebSocketServer } = await import("ws");
  const server = http.createServer();
  echo(new WebSocketServer({ server }));
  return server;
}

export async function asgi(scope, receive, send) {
  if (scope.type !== "websocket") throw new Error(`no ${scope.type}`);
  await receive();
  await send({ type: "websocket.accept" });
  for (;;) {
    const event = await receive();
    if (event.type !== "websocket.receive") return;
    await send({ type: "websocket.send", text: event.text });
  }
}

async function main() {
  const servers = [
    ["bare ws", await bare()],
    ["tgunicorn, ws attached", await tgunicorn("websocket.mjs:node()", "node")],
    ["tgunicorn, asgi", await tgunicorn("websocket.mjs:asgi", "asgi")],
  ];
  const results = new Map(servers.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, server] of servers) results.get(name).push(await load(server));
  }
  const reference = results.get("bare ws");
  for (const [name, perCpu] of results) {
    const ratios = perCpu.map((value, round) => value / reference[round]);
    console.log(
      `${name.padEnd(24)} ${String(Math.round(median(perCpu))).padStart(9)} messages/CPU s  x ${median(ratios).toFixed(2)}`,
    );
  }
  for (const [, { stop }] of servers) stop();
}

function median(list) {
  return list.toSorted((a, b) => a - b)[list.length >> 1];
}

async function bare() {
  const child = fork(here("websocket.mjs"), { env: { ...process.env, ROLE: "bare" } });
  const [port] = await once(child, "message");
  return { port, pid: child.pid, stop: () => child.kill() };
}

async function tgunicorn(app, kind) {
  const options = ["-k", "eventloop", "-b", "127.0.0.1:0", "--log-level", "debug", "--interface", kind];
  const child = spawn(process.execPath, [here("../dist/main.js"), ...options, "--chdir", here("."), app]);
  let log = "";
  for await (const text of child.stderr) {
    log += text;
    if (/Ready worker/.test(log)) break;
  }
  const port = /Listening at: http:\/\/127\.0\.0\.1:(\d+)/.exec(log)?.[1];
  const pid = /Booting worker=1 gen=1 pid=(\d+)/.exec(log)?.[1];
  if (port === undefined || pid === undefined) throw new Error(log);
  return { port, pid, stop: () => child.kill() };
}

/** Each socket sends its next message when the last has come back. */
async function load({ port, pid }) {
  const sockets = await Promise.all(
    Array.from({ length: count }, async () => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}/`);
      await once(ws, "open");
      return ws;
    }),
  );
  let messages = 0;
  let over = false;
  for (const ws of sockets) {
    ws.on("message", () => {
      messages++;
      if (!over) ws.send("a message of thirty-two letters.");
    });
    ws.send("a message of thirty-two letters.");
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  const [before, cpu] = [messages, cpuSeconds(pid)];
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const perCpu = (messages - before) / (cpuSeconds(pid) - cpu);
  over = true;
  for (const ws of sockets) ws.terminate();
  return perCpu;
}

/** User and system time of a process: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
