import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { lookupGroup, lookupUser } from "../../src/os/users.ts";
import { directory } from "../config/directory.ts";

test("users by name and number, with the primary group", (t) => {
  const file = join(
    directory(t, { passwd: "# c\nroot:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/:\n42:x:7:8::/:\n" }),
    "passwd",
  );
  assert.deepEqual(lookupUser("web", file), { uid: 33, name: "web", gid: 34 });
  assert.deepEqual(lookupUser("33", file), { uid: 33, name: "web", gid: 34 });
  assert.deepEqual(lookupUser("42", file), { uid: 7, name: "42", gid: 8 });
  assert.deepEqual(lookupUser("1234", file), { uid: 1234, name: undefined, gid: undefined });
  assert.equal(lookupUser("nobody-here", file), undefined);
  assert.equal(lookupUser("", file), undefined);
});

test("groups by name and number", (t) => {
  const file = join(directory(t, { group: "root:x:0:\nweb:x:34:a,b\n" }), "group");
  assert.deepEqual(lookupGroup("web", file), { gid: 34, name: "web" });
  assert.deepEqual(lookupGroup("34", file), { gid: 34, name: "web" });
  assert.deepEqual(lookupGroup("99", file), { gid: 99, name: undefined });
  assert.equal(lookupGroup("none", file), undefined);
});

test("without the file there are numbers alone", () => {
  assert.deepEqual(lookupUser("5", "/nowhere"), { uid: 5, name: undefined, gid: undefined });
  assert.equal(lookupUser("root", "/nowhere"), undefined);
});
