import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { scratch, start } from "./server.ts";

const root = process.getuid?.() === 0;

test("workers run as the user and group they are told, the arbiter keeps its own", {
  skip: !root && "needs root",
}, async (t) => {
  const args = [
    "-b",
    "unix:app.sock",
    "-u",
    "nobody",
    "-g",
    "nogroup",
    "--access-logfile",
    "access.log",
    "--log-level",
    "debug",
  ];
  const server = start(t, [...args, "app.mjs:app"], {
    files: {
      "app.mjs":
        "export const app = (req, res) => res.end([process.getuid(), process.getgid(), process.getgroups()].join(' '));",
    },
    leaves: ["access.log"],
  });
  chmodSync(server.dir, 0o755);
  await ready(server, 1);
  const answer = await get({ socketPath: join(server.dir, "app.sock") });
  assert.equal(answer.body, "65534 65534 65534");
  const socket = statSync(join(server.dir, "app.sock"));
  assert.deepEqual([socket.uid, socket.gid], [65534, 65534]);
  assert.equal(statSync(join(server.dir, "access.log")).uid, 65534);
  // The worker could not read what only root may; a reload with such a file is refused and changes nothing.
  writeFileSync(join(server.dir, "app.mjs"), "export const app = (req, res) => res.end('new');");
  server.signal("SIGHUP");
  await server.saw(/Reload complete/);
  assert.equal((await get({ socketPath: join(server.dir, "app.sock") })).body, "new");
  await server.stop();
});

test("a configuration file that only root may read has hooks, which run as the user", {
  skip: !root && "needs root",
}, async (t) => {
  const files = {
    "gunicorn.conf.ts": `const read: number = process.getuid();
      export default {
        async postFork() {
          const { later } = await import("./later.ts");
          console.error("postFork", read, process.getuid(), later);
        },
      };`,
    "later.ts": "export const later: string = 'imported later';",
    "app.mjs": "export const app = (req, res) => res.end();",
  };
  // A cache of its own, in which the arbiter leaves what only root may write to.
  const cache = scratch(t);
  const args = ["-b", "unix:app.sock", "-u", "nobody", "--log-level", "debug", "app.mjs:app"];
  const server = start(t, args, {
    files,
    env: { XDG_CACHE_HOME: cache },
    script: 'chmod 755 . && chmod 600 gunicorn.conf.ts && exec "$@"',
  });
  await ready(server, 1);
  assert.match(server.log(), /^postFork 0 65534 imported later$/m);
  await server.stop();
});

test("a user comes with its own group, and not with root's", { skip: !root && "needs root" }, async (t) => {
  const args = ["-b", "unix:app.sock", "--socket-mode", "660", "-u", "nobody", "-p", "app.pid"];
  const server = start(t, [...args, "--log-level", "debug", "app.mjs:app"], {
    files: {
      "app.mjs":
        "export const app = (req, res) => res.end([process.getuid(), process.getgid(), process.getgroups()].join(' '));",
    },
  });
  chmodSync(server.dir, 0o755);
  await ready(server, 1);
  const at = { socketPath: join(server.dir, "app.sock") };
  assert.equal((await get(at)).body, "65534 65534 65534");
  const { uid, gid, mode } = statSync(at.socketPath);
  assert.deepEqual([uid, gid, mode & 0o777], [65534, 65534, 0o660]);
  // The arbiter could not remove its files otherwise, nor start an arbiter that can do all that it can.
  assert.equal(statSync(join(server.dir, "app.pid")).uid, 0);
  server.signal("SIGUSR2");
  const younger = Number((await server.saw(/arbiter pid=(\d+) is started/))[1]);
  await ready(server, 2);
  server.signal("SIGTERM");
  await server.saw(/Promoted/);
  assert.equal((await get(at)).body, "65534 65534 65534");
  server.signal("SIGTERM", younger);
  await server.stop();
});

test("with --initgroups, workers have their user's groups", { skip: !root && "needs root" }, async (t) => {
  const server = start(
    t,
    ["-b", "unix:app.sock", "-u", "daemon", "--initgroups", "--log-level", "debug", "app.mjs:app"],
    {
      files: { "app.mjs": "export const app = (req, res) => res.end(process.getgroups().join());" },
    },
  );
  chmodSync(server.dir, 0o755);
  await ready(server, 1);
  const groups = execFileSync("id", ["-G", "daemon"], { encoding: "utf8" }).trim().split(" ");
  assert.deepEqual((await get({ socketPath: join(server.dir, "app.sock") })).body.split(","), groups);
  await server.stop();
});

test("a number without an entry needs a group", { skip: !root && "needs root" }, async (t) => {
  const server = start(t, ["-b", "unix:app.sock", "-u", "54321", "app.mjs:app"]);
  assert.equal((await server.exited).code, 1);
  assert.match(
    server.log(),
    /user: "54321" has no entry among the users, and so no group: name one with group/,
  );
});
