import assert from "node:assert/strict";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { formatPlace } from "../../src/config/address.ts";
import type { Address } from "../../src/config/config.ts";
import { bindHandle } from "../../src/os/handles.ts";
import {
  type BoundSocket,
  bindSocket,
  isAddressInUse,
  overlap,
  placeOf,
  type SocketOptions,
} from "../../src/os/sockets.ts";

const options = { backlog: 16, umask: 0o077 };
const anyPort: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };

async function open(
  t: TestContext,
  address: Address,
  settings: SocketOptions = options,
): Promise<BoundSocket> {
  const socket = await bindSocket(address, settings);
  t.after(() => socket.close());
  return socket;
}

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "sockets-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

async function connected(target: net.NetConnectOpts): Promise<net.Socket> {
  const client = net.connect(target);
  await once(client, "connect");
  return client;
}

function portOf(socket: BoundSocket): number {
  assert.equal(socket.address.kind, "tcp");
  return socket.address.kind === "tcp" ? socket.address.port : 0;
}

describe("bindSocket: TCP", () => {
  it("lets the kernel take clients, and accepts none", async (t) => {
    const socket = await open(t, anyPort);
    const client = await connected({ port: portOf(socket), host: "127.0.0.1" });
    assert.equal(formatPlace(socket.address), `127.0.0.1:${portOf(socket)}`);
    assert.equal(socket.requested, "127.0.0.1:0");
    // Had it been accepted, its data would be read, or the connection closed.
    client.write("anybody?");
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(client.readyState, "open");
    client.destroy();
  });

  it("tells an address in use from other failures", async (t) => {
    const first = await open(t, anyPort);
    const again = bindSocket({ kind: "tcp", host: "127.0.0.1", port: portOf(first) }, options);
    await assert.rejects(again, (error) => isAddressInUse(error));
  });

  it("says where an address is, and which two the system does not give at a time", async (t) => {
    const socket = await open(t, { kind: "tcp", host: "localhost", port: 0 });
    const port = portOf(socket);
    assert.deepEqual(socket.place, { host: "127.0.0.1", port });
    assert.deepEqual(await placeOf({ kind: "tcp", host: "localhost", port }), socket.place);
    assert.equal(await placeOf({ kind: "tcp", host: "no-such-host.invalid", port }), null);
    const both = (a: string, b: string, other = port): boolean =>
      overlap({ host: a, port }, { host: b, port: other });
    assert.ok(both("127.0.0.1", "0.0.0.0") && both("0.0.0.0", "127.0.0.1"));
    assert.ok(both("::", "127.0.0.1") && both("::1", "::") && both("::1", "::1"));
    assert.ok(!both("0.0.0.0", "::1") && !both("127.0.0.1", "127.0.0.2"));
    assert.ok(!both("0.0.0.0", "127.0.0.1", port + 1));
  });

  it("resolves host names, IPv4 first", async (t) => {
    const socket = await open(t, { kind: "tcp", host: "localhost", port: 0 });
    (await connected({ port: portOf(socket), host: "127.0.0.1" })).destroy();
    assert.match(formatPlace(socket.address), /^localhost:\d+$/);
  });

  it("says that a name does not resolve", async () => {
    const failing = bindSocket({ kind: "tcp", host: "no-such-host.invalid", port: 0 }, options);
    await assert.rejects(failing, {
      code: "BIND_UNRESOLVED",
      message: /no-such-host\.invalid does not resolve/,
    });
  });

  it("says that an address is not this machine's", async () => {
    const failing = bindSocket({ kind: "tcp", host: "192.0.2.1", port: 0 }, options);
    await assert.rejects(failing, { code: "BIND_FAILED", message: /no interface of this machine/ });
  });

  it("frees the port when it is closed", async () => {
    const first = await bindSocket(anyPort, options);
    first.close();
    const second = await bindSocket({ kind: "tcp", host: "127.0.0.1", port: portOf(first) }, options);
    second.close();
  });
});

describe("bindSocket: unix", () => {
  it("makes the path under the umask and removes it", async (t) => {
    const path = join(directory(t), "a.sock");
    const before = process.umask();
    const socket = await bindSocket({ kind: "unix", path }, options);
    assert.equal(process.umask(), before);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    (await connected({ path })).destroy();
    socket.close();
    assert.equal(existsSync(path), false);
  });

  it("gives it the mode that is asked for, whatever the umask", async (t) => {
    for (const mode of [0o660, 0o600, 0o000, 0o777, 0o642]) {
      const path = join(directory(t), "a.sock");
      await open(t, { kind: "unix", path }, { ...options, mode });
      assert.equal(lstatSync(path).mode & 0o7777, mode);
    }
  });

  it("leaves alone what a link leads to that was put in its place", async (t) => {
    const dir = directory(t);
    const [path, precious] = [join(dir, "a.sock"), join(dir, "precious")];
    writeFileSync(precious, "");
    chmodSync(precious, 0o600);
    const before = statSync(precious);
    // Set for the bind, and set back: then somebody comes.
    const umask = t.mock.method(process, "umask", () => {
      if (umask.mock.callCount() === 0) return 0;
      unlinkSync(path);
      symlinkSync(precious, path);
      return 0;
    });
    const owner = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : null;
    await open(t, { kind: "unix", path }, { ...options, mode: 0o666, owner });
    assert.equal(umask.mock.callCount(), 2);
    const { mode, uid, gid } = statSync(precious);
    assert.deepEqual([mode, uid, gid], [before.mode, before.uid, before.gid]);
  });

  it("replaces a path that nobody listens on", async (t) => {
    const path = join(directory(t), "a.sock");
    // Bound and never listening: a connection is refused, as after a crash.
    bindHandle({ path });
    await open(t, { kind: "unix", path });
    (await connected({ path })).destroy();
  });

  it("leaves a path in use alone", async (t) => {
    const path = join(directory(t), "a.sock");
    await open(t, { kind: "unix", path });
    await assert.rejects(bindSocket({ kind: "unix", path }, options), (error) => isAddressInUse(error));
    (await connected({ path })).destroy();
  });

  it("never removes what is no socket", async (t) => {
    const path = join(directory(t), "file");
    writeFileSync(path, "precious");
    await assert.rejects(bindSocket({ kind: "unix", path }, options), { code: "BIND_NOT_A_SOCKET" });
    assert.equal(existsSync(path), true);
  });

  it("leaves its path to whoever took it meanwhile", async (t) => {
    const path = join(directory(t), "a.sock");
    const first = await bindSocket({ kind: "unix", path }, options);
    rmSync(path);
    await open(t, { kind: "unix", path });
    first.close();
    (await connected({ path })).destroy();
  });

  it("names what stands in the way", async (t) => {
    const missing = bindSocket({ kind: "unix", path: join(directory(t), "no", "a.sock") }, options);
    await assert.rejects(missing, { code: "BIND_FAILED", message: /directory does not exist/ });
    const long = bindSocket({ kind: "unix", path: join(directory(t), "x".repeat(120)) }, options);
    await assert.rejects(long, { code: "BIND_FAILED", message: /path is too long/ });
  });
});

describe("bindSocket: fd", () => {
  it("adopts an inherited socket", async (t) => {
    const { fd, port } = bindHandle({ host: "127.0.0.1", port: 0 });
    const socket = await open(t, { kind: "fd", fd });
    assert.deepEqual(
      [socket.fd, formatPlace(socket.address), socket.requested],
      [fd, `127.0.0.1:${port}`, `fd://${fd}`],
    );
    (await connected({ port, host: "127.0.0.1" })).destroy();
  });

  it("refuses what is no socket, and what is not there", async () => {
    const fd = openSync("/dev/null", "r");
    await assert.rejects(bindSocket({ kind: "fd", fd }, options), { code: "BIND_NOT_A_SOCKET" });
    const missing = bindSocket({ kind: "fd", fd: 9_999 }, options);
    await assert.rejects(missing, { code: "BIND_FAILED", message: /no such descriptor/ });
  });
});
