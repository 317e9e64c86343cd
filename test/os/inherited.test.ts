import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bequeath, takeInheritance } from "../../src/os/inherited.ts";

const nothing = { elder: null, heir: false, daemon: false, systemd: [], handed: [] };

describe("takeInheritance", () => {
  it("takes systemd's sockets where they are meant for this process, and leaves no variable", () => {
    const env = { LISTEN_PID: "41", LISTEN_FDS: "2", LISTEN_FDNAMES: "web:", PATH: "/bin" };
    assert.deepEqual(takeInheritance(env, 41, 1), {
      ...nothing,
      systemd: [
        { fd: 3, name: "web" },
        { fd: 4, name: "" },
      ],
    });
    assert.deepEqual(env, { PATH: "/bin" });
  });

  it("knows no sockets that are another's, and no numbers that are none", () => {
    assert.deepEqual(takeInheritance({ LISTEN_PID: "40", LISTEN_FDS: "1" }, 41, 1), nothing);
    assert.deepEqual(takeInheritance({ LISTEN_PID: "41", LISTEN_FDS: "many" }, 41, 1), nothing);
    assert.deepEqual(takeInheritance({ TGUNICORN_FDS: "a=3" }, 41, 1), nothing);
    assert.deepEqual(takeInheritance({}, 41, 1), nothing);
  });

  it("reads what bequeath tells", () => {
    const systemd = [
      { fd: 3, name: "web" },
      { fd: 4, name: "admin" },
    ];
    const sockets = [
      { fd: 3, requested: "fd://3" },
      { fd: 17, requested: "127.0.0.1:80" },
      { fd: 21, requested: "unix:/a=b,c d%/é" },
    ];
    const { descriptors, variables } = bequeath(systemd, sockets, 40);
    assert.deepEqual(descriptors, [3, 4, 17, 21]);
    assert.deepEqual(takeInheritance({ ...variables }, 41, 40), {
      elder: 40,
      heir: true,
      daemon: true,
      systemd,
      handed: [
        { fd: 5, requested: "127.0.0.1:80" },
        { fd: 6, requested: "unix:/a=b,c d%/é" },
      ],
    });
  });

  it("keeps the sockets of an arbiter that died meanwhile", () => {
    const { variables } = bequeath([], [{ fd: 9, requested: ":80" }], 40);
    const { elder, heir, handed } = takeInheritance({ ...variables }, 41, 1);
    assert.deepEqual([elder, heir, handed], [null, true, [{ fd: 3, requested: ":80" }]]);
  });
});
