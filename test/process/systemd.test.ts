// Sockets as systemd passes them: bound descriptors from 3 on, and three variables.

import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { bindHandle } from "../../src/os/handles.ts";
import { get, ready } from "./client.ts";
import { ended, isAlive, type Server, type StartOptions, scratch, start } from "./server.ts";

const APP = `export const app = (req, res) =>
  res.end([process.ppid, ...Object.keys(process.env).filter((name) => /LISTEN|TGUNICORN/.test(name))].join());`;
const SCRIPT = 'export LISTEN_PID=$$; exec "$@"';

interface Passed {
  /** A TCP socket at 3 named `web`, a unix socket at 4 named `admin`. */
  readonly server: Server;
  readonly url: string;
  readonly socketPath: string;
}

function activate(t: TestContext, args: readonly string[], options: StartOptions = {}): Passed {
  const socketPath = join(scratch(t), "admin.sock");
  const tcp = bindHandle({ host: "127.0.0.1", port: 0 });
  const unix = bindHandle({ path: socketPath });
  const server = start(t, [...args, "--log-level", "debug", "app.mjs:app"], {
    script: SCRIPT,
    descriptors: [tcp.fd, unix.fd],
    ...options,
    env: { LISTEN_FDS: "2", LISTEN_FDNAMES: "web:admin", ...options.env },
    files: { "app.mjs": APP, ...options.files },
  });
  return { server, url: `http://127.0.0.1:${tcp.port}/`, socketPath };
}

test("they are what is listened on where nothing is said, and stay systemd's", async (t) => {
  const { server, url, socketPath } = activate(t, []);
  await ready(server, 1);
  assert.equal((await get(url)).body, String(server.pid), "and no variable reaches the application");
  assert.equal((await get({ socketPath })).body, String(server.pid));
  await server.saw(new RegExp(`Listening at: ${url.slice(0, -1)},unix:${socketPath} `));
  await server.stop();
  assert.ok(statSync(socketPath).isSocket(), "it is not ours to remove");
});

test("by number, by name, and by what they listen on", async (t) => {
  for (const bind of ["fd://4", "fd://admin", "unix"]) {
    const socketPath = join(scratch(t), "admin.sock");
    const { server, ...passed } = activate(t, ["-b", bind === "unix" ? `unix:${socketPath}` : bind], {
      ...(bind === "unix"
        ? { descriptors: [bindHandle({ path: socketPath }).fd], env: { LISTEN_FDS: "1" } }
        : {}),
    });
    await ready(server, 1);
    const at = bind === "unix" ? socketPath : passed.socketPath;
    assert.equal((await get({ socketPath: at })).body, String(server.pid), bind);
    await server.saw(new RegExp(`Listening at: unix:${at} `));
    await server.stop();
    assert.ok(existsSync(at), "it is not ours to remove");
  }
});

test("several of one name are all listened on", async (t) => {
  const { server, url, socketPath } = activate(t, ["-b", "fd://web"], { env: { LISTEN_FDNAMES: "web:web" } });
  await ready(server, 1);
  assert.equal((await get(url)).body, String(server.pid));
  assert.equal((await get({ socketPath })).body, String(server.pid));
  await server.stop();
});

test("a name that was not passed is named, with those that were", async (t) => {
  const { server } = activate(t, ["-b", "fd://api"]);
  assert.equal((await server.exited).code, 1);
  assert.match(
    server.log(),
    /Can't bind fd:\/\/api: .*no socket of that name; it has passed 3 \(web\), 4 \(admin\)/,
  );
});

test("variables that are meant for another process are not ours", async (t) => {
  const { server } = activate(t, ["-b", "127.0.0.1:0"], { script: 'export LISTEN_PID=1; exec "$@"' });
  await ready(server, 1);
  assert.equal((await get(await server.url())).body, String(server.pid));
  await server.stop();
  const named = activate(t, ["-b", "fd://web"], { script: 'export LISTEN_PID=1; exec "$@"' }).server;
  assert.equal((await named.exited).code, 1);
  assert.match(named.log(), /Can't bind fd:\/\/web: systemd has passed no sockets/);
});

test("a reload may turn from one to another and back", async (t) => {
  const config = (bind: string): string => `export default { bind: "${bind}" };`;
  const { server, url, socketPath } = activate(t, [], { files: { "gunicorn.conf.mjs": config("fd://web") } });
  await ready(server, 1);
  for (const [round, bind] of ["fd://admin", "fd://web", "fd://3"].entries()) {
    writeFileSync(join(server.dir, "gunicorn.conf.mjs"), config(bind));
    server.signal("SIGHUP");
    await server.saw(new RegExp(`Worker exited: worker=1 gen=${round + 1}`));
    const answer = await get(bind === "fd://admin" ? { socketPath } : url);
    assert.equal(answer.body, String(server.pid), bind);
  }
  await server.stop();
});

for (const bind of [[], ["-b", "fd://web", "-b", "fd://admin", "-b", "127.0.0.1:0"]]) {
  test(`they survive upgrades: ${bind.join(" ") || "nothing said"}`, async (t) => {
    const { server, url, socketPath } = activate(t, bind);
    await ready(server, 1);
    let present = server.pid;
    for (let round = 1; round <= 2; round++) {
      server.signal("SIGUSR2", present);
      const younger = Number((await server.saw(/arbiter pid=(\d+) is started/, round))[1]);
      await ready(server, round + 1);
      server.signal("SIGTERM", present);
      await server.saw(/Promoted/, round);
      assert.equal((await get(url)).body, String(younger));
      assert.equal((await get({ socketPath })).body, String(younger));
      present = younger;
    }
    server.signal("SIGTERM", present);
    await server.stop();
    assert.ok(existsSync(socketPath));
  });
}

test("the server in the background has them as well", async (t) => {
  const { server, url } = activate(t, ["-D", "-p", "app.pid", "--log-file", "app.log"]);
  assert.equal((await server.exited).code, 0, server.log());
  const pid = Number(readFileSync(join(server.dir, "app.pid"), "utf8"));
  t.after(() => isAlive(pid) && process.kill(-pid, "SIGKILL"));
  assert.equal((await get(url)).body, String(pid));
  process.kill(pid, "SIGTERM");
  await ended(pid);
});
