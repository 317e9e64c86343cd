import assert from "node:assert/strict";
import { it } from "node:test";
import { identityFor } from "../../src/os/privileges.ts";

const root = { uid: 0, gid: 0, root: true };
const mortal = { uid: 1, gid: 1, root: false };

it("who workers run as", () => {
  assert.equal(identityFor({ user: null, group: null }, root), null);
  assert.deepEqual(identityFor({ user: "daemon", group: null }, root), { uid: 1, gid: 1 });
  assert.deepEqual(identityFor({ user: "daemon", group: "0" }, root), { uid: 1, gid: 0 });
  assert.deepEqual(identityFor({ user: null, group: "54321" }, root), { uid: 0, gid: 54321 });
  assert.deepEqual(identityFor({ user: "54321", group: "54321" }, root), { uid: 54321, gid: 54321 });
  assert.throws(() => identityFor({ user: "54321", group: null }, root), { code: "GROUP_NEEDED" });
  assert.throws(() => identityFor({ user: "no-such-user", group: null }, root), { code: "USER_UNKNOWN" });
  assert.throws(() => identityFor({ user: null, group: "no-such-group" }, root), { code: "GROUP_UNKNOWN" });
});

it("without root's rights only as oneself", () => {
  assert.deepEqual(identityFor({ user: "daemon", group: null }, mortal), { uid: 1, gid: 1 });
  assert.deepEqual(identityFor({ user: "1", group: "1" }, mortal), { uid: 1, gid: 1 });
  assert.throws(() => identityFor({ user: "root", group: null }, mortal), { code: "USER_DENIED" });
  assert.throws(() => identityFor({ user: null, group: "0" }, mortal), { code: "GROUP_DENIED" });
});
