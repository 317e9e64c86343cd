import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startDirectory, underStartDirectory } from "../../src/cli/start-directory.ts";

test("the shell's name for the directory, where it is the same directory", (t) => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "start-")));
  t.after(() => rmSync(root, { recursive: true }));
  const [v1, v2, current] = [join(root, "v1"), join(root, "v2"), join(root, "current")];
  mkdirSync(v1);
  mkdirSync(v2);
  symlinkSync("v1", current);
  assert.equal(startDirectory(current, v1), current);
  assert.equal(startDirectory(current, v2), v2, "inherited from somewhere else");
  assert.equal(startDirectory(join(root, "gone"), v1), v1);
  assert.equal(startDirectory("v1", v1), v1);
  assert.equal(startDirectory(undefined, v1), v1);
});

test("a path below it is known by the same name", () => {
  const under = (path: string): string => underStartDirectory(path, "/srv/current", "/srv/v1");
  assert.equal(under("/srv/v1/bin/main.js"), "/srv/current/bin/main.js");
  assert.equal(under("/srv/v10/main.js"), "/srv/v10/main.js");
  assert.equal(under("/usr/bin/main.js"), "/usr/bin/main.js");
});
