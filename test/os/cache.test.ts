import assert from "node:assert/strict";
import { chmodSync, mkdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { privateCache } from "../../src/os/cache.ts";
import { directory } from "../config/directory.ts";

test("made for us alone", (t) => {
  const base = directory(t);
  const path = privateCache("config", { XDG_CACHE_HOME: base });
  assert.equal(path, join(base, "tgunicorn/config"));
  assert.equal(statSync(join(base, "tgunicorn")).mode & 0o777, 0o700);
  assert.equal(privateCache("config", { XDG_CACHE_HOME: base }), path);
});

test("below the home directory, also where the variable is relative", (t) => {
  const home = directory(t);
  const want = join(home, ".cache/tgunicorn/config");
  assert.equal(privateCache("config", { HOME: home }), want);
  assert.equal(privateCache("config", { HOME: home, XDG_CACHE_HOME: "relative" }), want);
});

test("none where others can write, where a link leads, or where a file is in the way", (t) => {
  const open = directory(t);
  mkdirSync(join(open, "tgunicorn"));
  chmodSync(join(open, "tgunicorn"), 0o777);
  assert.equal(privateCache("config", { XDG_CACHE_HOME: open }), false);

  const linked = directory(t);
  symlinkSync(directory(t), join(linked, "tgunicorn"));
  assert.equal(privateCache("config", { XDG_CACHE_HOME: linked }), false);

  const blocked = directory(t, { tgunicorn: "" });
  assert.equal(privateCache("config", { XDG_CACHE_HOME: blocked }), false);
});
