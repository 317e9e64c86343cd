// systemd's own programs: what it is told as the service lives, and whether it takes the unit file.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { get, ready } from "../process/client.ts";
import { ROOT, scratch, start, within } from "../process/server.ts";
import { hasPeers } from "./peer.ts";

/** Prints each datagram on a line, its own lines joined by spaces; descriptors that come with one are closed, as systemd does. */
const LISTENER = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening", flush=True)
while True:
    data, fds, _, _ = socket.recv_fds(s, 4096, 8)
    for fd in fds: os.close(fd)
    text = data.decode().strip()
    if text != "BARRIER=1": print(text.replace("\\n", " "), flush=True)
`;

interface Listener {
  readonly path: string;
  readonly heard: readonly string[];
  /** Resolves when that many lines match. */
  hears(pattern: RegExp, times?: number): Promise<string>;
}

async function listen(t: TestContext): Promise<Listener> {
  const path = join(scratch(t), "notify");
  const child = spawn("python3", ["-c", LISTENER, path], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => void child.kill("SIGKILL"));
  const heard: string[] = [];
  let changed: () => void = () => undefined;
  createInterface({ input: child.stdout }).on("line", (line) => {
    heard.push(line);
    changed();
  });
  const hears = async (pattern: RegExp, times = 1): Promise<string> => {
    for (;;) {
      const match = heard.filter((line) => pattern.test(line))[times - 1];
      if (match !== undefined) return match;
      const change = new Promise<void>((resolve) => {
        changed = resolve;
      });
      await within(change, String(pattern), () => heard.join("\n"));
    }
  };
  await hears(/listening/);
  heard.length = 0;
  return { path, heard, hears };
}

const APP = `export const app = (request, response) => response.end(String(process.env.NOTIFY_SOCKET));`;
const args = ["-w", "2", "-b", "127.0.0.1:0", "-p", "app.pid", "--log-level", "debug", "app:app"];

test("systemd hears of the start, of a reload, of an upgrade and of the stop", async (t) => {
  if (!hasPeers(t, "systemd-notify", "python3")) return;
  const { path, heard, hears } = await listen(t);
  const server = start(t, args, { files: { "app.mjs": APP }, env: { NOTIFY_SOCKET: path } });
  await hears(/^READY=1 STATUS=2 of 2 workers serve, generation 1(;.*)?$/);
  // It is the arbiter's alone.
  assert.equal(await (await fetch(await server.url())).text(), "undefined");
  server.signal("SIGHUP");
  const reloading = await hears(/^RELOADING=1 /);
  assert.match(reloading, /^RELOADING=1 MONOTONIC_USEC=\d+ STATUS=Reloading: reading the configuration$/);
  await hears(/^READY=1 STATUS=2 of 2 workers serve, generation 2(;.*)?$/);
  await hears(
    /^(?:READY=1 )?STATUS=2 of 2 workers serve, generation 2; \d+(\.\d)? requests\/s(, p99 \S+ ms)?, 0 in flight$/,
  );
  server.signal("SIGUSR2");
  const [, young] = await server.saw(/Upgrade: arbiter pid=(\d+)/);
  await ready(server, 6);
  server.signal("SIGTERM");
  await hears(new RegExp(`^MAINPID=${young} STATUS=Handing over`));
  await hears(new RegExp(`^READY=1 MAINPID=${young} STATUS=2 of 2 workers serve, generation 1(;.*)?$`));
  server.signal("SIGTERM", Number(young));
  await hears(/^STOPPING=1 STATUS=Stopping: 2 workers left$/);
  assert.deepEqual(
    heard.map((line) => line.split("=", 1)[0]).filter((word) => word !== "STATUS"),
    ["READY", "RELOADING", "READY", "MAINPID", "READY", "STOPPING"],
  );
  await server.stop();
});

test("the watchdog is told at half its time, and not where it watches another process", async (t) => {
  if (!hasPeers(t, "systemd-notify", "python3")) return;
  const { path, heard, hears } = await listen(t);
  const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "200000" };
  const other = start(t, args, { files: { "app.mjs": APP }, env: { ...env, WATCHDOG_PID: "1" } });
  await hears(/^READY=1/);
  await other.stop();
  await hears(/^STOPPING=1/);
  assert.deepEqual(
    heard.filter((line) => line.startsWith("WATCHDOG")),
    [],
  );
  const server = start(t, args, { files: { "app.mjs": APP }, env });
  await hears(/^WATCHDOG=1$/, 3);
  await ready(server, 2);
  await server.stop();
});

test("systemd's own activator passes a socket, and the first client starts the server", async (t) => {
  if (!hasPeers(t, "systemd-socket-activate")) return;
  const dir = scratch(t);
  const socketPath = join(dir, "app.sock");
  const server = start(t, ["--log-level", "debug", "app:app"], {
    files: { "app.mjs": APP },
    script: `exec systemd-socket-activate -l '${socketPath}' "$@"`,
  });
  await server.saw(/Listening on \S+app.sock/);
  assert.equal(server.count(/Starting tgunicorn/), 0);
  assert.equal((await get({ socketPath })).status, 200);
  await server.saw(new RegExp(`Listening at: unix:${socketPath} `));
  await server.stop();
});

test("without systemd-notify one warning says so, and the server serves", async (t) => {
  const server = start(t, args, {
    files: { "app.mjs": APP },
    env: { NOTIFY_SOCKET: "/nowhere", PATH: "/nowhere" },
    expected: [/systemd can't be told how the server is: systemd-notify: spawn systemd-notify ENOENT/],
  });
  await ready(server, 2);
  await server.saw(/systemd can't be told/);
  await server.stop();
  assert.equal(server.count(/systemd can't be told/), 1);
});

test("systemd takes the unit file, and finds it hardened", (t) => {
  if (!hasPeers(t, "systemd-analyze")) return;
  const dir = scratch(t);
  const [, version = "0"] =
    /systemd (\d+)/.exec(execFileSync("systemd-analyze", ["--version"], { encoding: "utf8" })) ?? [];
  const unit = readFileSync(join(ROOT, "deploy/systemd/tgunicorn.service"), "utf8");
  mkdirSync(join(dir, "bin"));
  const program = join(dir, "bin", "tgunicorn");
  writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
  const path = join(dir, "tgunicorn.service");
  const local = unit.replaceAll("/srv/app/node_modules/.bin/tgunicorn ", `${program} `);
  writeFileSync(path, Number(version) < 253 ? local.replace("Type=notify-reload", "Type=notify") : local);
  const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", path], { encoding: "utf8" });
  // What it says of the units of the machine itself is none of ours.
  assert.deepEqual(
    stderr.split("\n").filter((line) => line.includes("tgunicorn.service")),
    [],
  );
  assert.equal(status, 0, stderr);
  const security = spawnSync("systemd-analyze", ["security", "--offline=true", path], { encoding: "utf8" });
  const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(security.stdout) ?? [];
  assert.ok(Number(exposure) < 3, security.stdout + security.stderr);
});
