import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import http from "node:http";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { bindHandle } from "../../src/os/handles.ts";
import { freePort } from "../peers/port.ts";
import { get, ready } from "./client.ts";
import { FIXTURES, scratch, start } from "./server.ts";

const APP = `${join(FIXTURES, "apps.mjs")}:pid`;

test("several addresses at once: TCP, IPv6 and a unix socket with its umask, removed at the end", async (t) => {
  const server = start(t, [
    "-b", "127.0.0.1:0", "-b", "[::1]:0", "-b", "unix:app.sock", "-m", "007", "--log-level", "debug", APP,
  ]); // biome-ignore format: one flag after another
  await ready(server, 1);
  const listening = await server.saw(/Listening at: (\S+)/);
  const urls = (listening[1] ?? "").split(",");
  assert.equal(urls.length, 3, listening[1]);
  for (const url of urls.slice(0, 2)) assert.equal((await get(url)).status, 200);
  const socketPath = join(server.dir, "app.sock");
  assert.equal((await get({ socketPath })).status, 200);
  assert.equal(statSync(socketPath).mode & 0o777, 0o770);
  await server.stop();
});

test("a stale unix socket is taken over, a live one is not", async (t) => {
  const first = start(t, ["-b", "unix:app.sock", "--log-level", "debug", APP], { expected: [/Killing/] });
  await ready(first, 1);
  const second = start(t, ["-b", `unix:${first.dir}/app.sock`, APP]);
  assert.equal((await second.exited).code, 1);
  assert.match(second.log(), /app\.sock.*in use/);
  assert.equal((await get({ socketPath: join(first.dir, "app.sock") })).status, 200);
  for (const pid of first.workerPids()) first.signal("SIGKILL", pid);
  first.signal("SIGKILL");
  await first.exited;
  assert.ok(statSync(join(first.dir, "app.sock")).isSocket(), "a killed arbiter leaves its socket behind");
  const third = start(t, ["-b", `unix:${first.dir}/app.sock`, "--log-level", "debug", APP]);
  await ready(third, 1);
  assert.equal((await get({ socketPath: join(first.dir, "app.sock") })).status, 200);
  await third.stop();
});

test("an inherited descriptor", async (t) => {
  const listener = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const address = listener.address();
  assert.ok(address !== null && typeof address === "object");
  const handle: unknown = Reflect.get(listener, "_handle");
  assert.ok(typeof handle === "object" && handle !== null && "fd" in handle && typeof handle.fd === "number");
  const server = start(t, ["-b", "fd://3", "--log-level", "debug", APP], { descriptors: [handle.fd] });
  await ready(server, 1);
  listener.close();
  assert.equal((await get(`http://127.0.0.1:${address.port}/`)).status, 200);
  await server.stop();
});

test("a reload opens new addresses before, and closes old ones after", async (t) => {
  const config = (bind: string): string => `export default { bind: ${bind}, loglevel: "debug" };`;
  const server = start(t, [APP], {
    files: { "gunicorn.conf.mjs": config('["unix:one.sock", "unix:two.sock"]') },
    expected: [/Reload aborted/],
  });
  const at = (name: string) => get({ socketPath: join(server.dir, name) });
  await ready(server, 1);
  assert.equal((await at("one.sock")).status, 200);
  writeFileSync(join(server.dir, "file"), "");
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), config('["unix:three.sock", "unix:file"]'));
  server.signal("SIGHUP");
  await server.saw(/Reload aborted.*file/);
  assert.equal((await at("one.sock")).status, 200);
  await assert.rejects(at("three.sock"));
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), config('["unix:two.sock", "unix:three.sock"]'));
  server.signal("SIGHUP");
  await server.saw(/Worker exited: worker=1 gen=1/);
  assert.equal((await at("two.sock")).status, 200);
  assert.equal((await at("three.sock")).status, 200);
  await assert.rejects(at("one.sock"));
  server.signal("SIGTERM");
  await server.exited;
  assert.doesNotMatch(server.log(), /CRITICAL/);
});

test("an address that a reload takes away answers or refuses, also while an old worker lives on", async (t) => {
  const config = (bind: string): string =>
    `export default { bind: "${bind}", loglevel: "debug", keepalive: 20 };`;
  for (const kind of ["eventloop", "threaded"]) {
    const port = await freePort();
    const files = { "gunicorn.conf.mjs": config(`127.0.0.1:${port}`) };
    const server = start(t, ["-k", kind, APP], { files });
    await ready(server, 1);
    const url = `http://127.0.0.1:${port}/`;
    const agent = new http.Agent({ keepAlive: true });
    assert.equal((await get(url, agent)).status, 200);
    writeFileSync(join(server.dir, "gunicorn.conf.mjs"), config("unix:new.sock"));
    const outcomes: (string | number)[] = [];
    const ask = (): Promise<string | number> =>
      get(url).then(
        ({ status }) => status,
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      );
    server.signal("SIGHUP");
    while (outcomes.at(-1) !== "ECONNREFUSED") outcomes.push(await ask());
    // Who comes in the very instant of the closing is reset by the kernel; nobody is left waiting.
    const others = outcomes.filter((outcome) => outcome !== 200 && outcome !== "ECONNREFUSED");
    assert.ok(others.length <= 1 && others.every((outcome) => outcome === "ECONNRESET"), others.join());
    assert.equal(server.count(/Worker exited/), 0, "the idle connection has its time");
    agent.destroy();
    await server.saw(/Worker exited: worker=1 gen=1/);
    assert.equal((await get({ socketPath: join(server.dir, "new.sock") })).status, 200);
    await server.stop();
  }
});

test("a reload keeps a socket under another name of its address, and says that it can't listen beside itself", async (t) => {
  const port = await freePort();
  const config = (bind: string): string =>
    `export default { bind: [${bind}], loglevel: "debug", graceful_timeout: 5 };`;
  const files = { "gunicorn.conf.mjs": config(`"127.0.0.1:${port}"`) };
  const server = start(t, [APP], { files, expected: [/Reload aborted/] });
  await ready(server, 1);
  const reload = (bind: string): void => {
    writeFileSync(join(server.dir, "gunicorn.conf.mjs"), config(bind));
    server.signal("SIGHUP");
  };
  reload(`"localhost:${port}"`);
  await server.saw(/Reload complete/);
  reload(`"0.0.0.0:${port}"`);
  const ours = `this server itself listens on 127\\.0\\.0\\.1:${port}, and .*`;
  await server.saw(
    new RegExp(`Reload aborted.* 0\\.0\\.0\\.0:${port}: ${ours}: stop the server and start it anew\n`),
  );
  reload(`"localhost:${port}", "0.0.0.0:${port}", "127.0.0.1:0"`);
  await server.saw(new RegExp(`Reload aborted.* ${ours} Leave one of the two out of --bind\n`));
  assert.equal((await get(`http://127.0.0.1:${port}/`)).status, 200);
  await server.stop();
});

test("a reload opens a Unix socket anew that its path no longer leads to", async (t) => {
  const dir = scratch(t, { "one/file": "", "two/file": "" });
  const socketPath = join(dir, "current", "app.sock");
  const lead = (release: string): void => {
    symlinkSync(release, join(dir, "next"));
    renameSync(join(dir, "next"), join(dir, "current"));
  };
  lead("one");
  const server = start(t, ["-b", `unix:${socketPath}`, "--log-level", "debug", APP], {
    expected: [/Reload aborted/, /Connection in use/],
  });
  await ready(server, 1);
  const inode = lstatSync(socketPath).ino;
  let reloads = 0;
  const reload = async (): Promise<void> => {
    server.signal("SIGHUP");
    await server.saw(/Reload complete/, ++reloads);
    assert.equal((await get({ socketPath })).status, 200);
  };
  await reload();
  assert.equal(lstatSync(socketPath).ino, inode, "one in its place is kept");
  // Of an earlier time: nobody listens there.
  bindHandle({ path: join(dir, "two", "app.sock") });
  lead("two");
  await reload();
  rmSync(join(dir, "one"), { recursive: true });
  rmSync(socketPath);
  await reload();
  rmSync(join(dir, "two"), { recursive: true });
  server.signal("SIGHUP");
  await server.saw(/Reload aborted.* its directory does not exist/);
  mkdirSync(join(dir, "two"));
  const other = net.createServer().listen(socketPath);
  await new Promise((resolve) => other.once("listening", resolve));
  server.signal("SIGHUP");
  await server.saw(/Reload aborted.*app\.sock: the address is in use/);
  assert.ok(lstatSync(socketPath).isSocket(), "it is another's");
  await new Promise((resolve) => other.close(resolve));
  await reload();
  await server.saw(/Worker exited/, reloads);
  await server.stop();
  assert.equal(existsSync(socketPath), false);
});

test("PORT makes it listen on all interfaces", async (t) => {
  const server = start(t, ["--print-config", APP], { env: { PORT: "8123" } });
  await server.exited;
  assert.match(server.stdout(), /^bind\s+= .*0\.0\.0\.0:8123.*# PORT$/m);
});

test("port 0 given twice is two sockets, also after a reload", async (t) => {
  const config = (workers: number): string =>
    `export default { bind: ["127.0.0.1:0", "127.0.0.1:0"], workers: ${workers}, loglevel: "debug" };`;
  const server = start(t, [APP], { files: { "gunicorn.conf.mjs": config(1) } });
  await ready(server, 1);
  const urls = ((await server.saw(/Listening at: (\S+)/))[1] ?? "").split(",");
  assert.equal(new Set(urls).size, 2);
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), config(2));
  server.signal("SIGHUP");
  await server.saw(/Reload complete/);
  for (const url of urls) assert.equal((await get(url)).status, 200);
  await server.stop();
});
