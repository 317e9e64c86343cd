// Applications that are made, loaded and called.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { ServerError } from "../../src/errors.ts";
import { loadApplication } from "../../src/interfaces/loader.ts";

export const home = mkdtempSync(join(tmpdir(), "tgunicorn-loader-"));
process.env.XDG_CACHE_HOME = join(home, "cache");
after(() => rmSync(home, { recursive: true }));

/** Whether Node reads TypeScript by itself. */
export const stripsTypes = "typescript" in process.features && process.features.typescript !== false;

let made = 0;

/** A directory with these files: a module is imported once per path, so every test has its own. */
function directory(files: Readonly<Record<string, string>>): string {
  const cwd = join(home, `app${++made}`);
  for (const [name, content] of Object.entries({ "package.json": '{"type":"module"}', ...files })) {
    const path = join(cwd, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  return cwd;
}

/** Loads and calls what it loaded: the applications here say who they are. */
export async function say(uri: string, files: Readonly<Record<string, string>>): Promise<unknown> {
  const app = await loadApplication(uri, { cwd: directory(files) });
  assert.ok(typeof app === "function", `${uri} is ${typeof app}`);
  return Reflect.apply(app, undefined, []);
}

export async function failure(uri: string, files: Readonly<Record<string, string>>): Promise<ServerError> {
  const cwd = directory(files);
  try {
    await loadApplication(uri, { cwd });
  } catch (error) {
    assert.ok(error instanceof ServerError, String(error));
    assert.equal(error.exitStatus, 4);
    // What is compared must not depend on where the test runs.
    Object.assign(error, { message: error.message.replaceAll(cwd, "CWD") });
    return error;
  }
  throw new assert.AssertionError({ message: `${uri} was loaded` });
}

export const SAY = "export const app = () => 'here';";
export const LOADING = "Error while loading the application:\n";
