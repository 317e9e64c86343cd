import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ctl } from "../../src/ctl/main.ts";
import { scratch } from "../process/server.ts";

/** The path of a control socket that answers all with `body`. */
async function answering(t: TestContext, status: number, body: unknown): Promise<string> {
  const path = join(scratch(t), "app.ctl");
  const server = http.createServer((_, response) => {
    const headers = { "content-type": typeof body === "string" ? "text/plain" : "application/json" };
    response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
  });
  t.after(() => server.close());
  server.listen(path);
  await once(server, "listening");
  return path;
}

async function shown(...argv: readonly string[]): Promise<string> {
  const pieces: string[] = [];
  const output = { write: (piece: string) => pieces.push(piece) };
  await ctl(argv, output, output);
  return pieces.join("");
}

const EVIL = "a\u001b]0;b\u0007\u009b2Jc\nd";
const TAME = "a?]0;b??2Jc\nd";

test("no control character of the server's reaches the terminal, whatever shows it", async (t) => {
  const failed = await answering(t, 200, { app: EVIL, listeners: [EVIL], lastReload: { failure: EVIL } });
  const status = await shown("-s", failed, "status");
  assert.equal(status.split(TAME).length - 1, 3, JSON.stringify(status));
  const refused = await answering(t, 422, { error: EVIL });
  assert.equal(await shown("-s", refused, "reload"), `tgunicornctl: ${TAME}\n`);
  const metrics = await answering(t, 200, EVIL);
  assert.equal(await shown("-s", metrics, "metrics"), TAME);
  const odd = await answering(t, 200, { [EVIL]: { value: [EVIL], origin: EVIL }, odd: EVIL });
  for (const command of ["config", "status", "workers", "stack", "loglevel=debug"]) {
    const text = await shown("-s", odd, ...command.split("="));
    assert.doesNotMatch(text, /[^\P{Cc}\n]/u, command);
  }
});

test("JSON is what the server has said, with every control character escaped", async (t) => {
  const path = await answering(t, 200, { app: `${EVIL}\u007f` });
  const text = await shown("-s", path, "--json", "status");
  assert.doesNotMatch(text, /[^\P{Cc}\n]/u);
  assert.deepEqual(JSON.parse(text), { app: `${EVIL}\u007f` });
});

test("settings are shown as the server shows them, and by their values where it does not", async (t) => {
  const path = await answering(t, 200, {
    umask: { value: 18, shown: "022", origin: "--umask" },
    workers: { value: 2, origin: "default" },
  });
  assert.match(await shown("-s", path, "config"), /^umask +022 +--umask\nworkers +2 +default$/m);
});
