// A start, a reload and a stop in a real terminal: tmux.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { get, ready } from "../process/client.ts";
import { openLatch } from "../process/latch.ts";
import { scratch, start } from "../process/server.ts";
import { hasPeers } from "./peer.ts";

const MAIN = fileURLToPath(new URL("../../../dist/main.js", import.meta.url));
const PATIENCE = 30_000;

interface Terminal {
  /** All lines so far, those that have left the screen too. */
  lines(): Promise<string[]>;
  /** Resolves with what matches, when it is on the screen. */
  shows(pattern: RegExp): Promise<RegExpMatchArray>;
}

/** Runs a command in a terminal of 100 columns. When it is over its status is shown. */
async function terminal(t: TestContext, dir: string, command: readonly string[]): Promise<Terminal> {
  const socket = join(dir, "tmux");
  const tmux = (...args: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      execFile("tmux", ["-f", "/dev/null", "-S", socket, ...args], { cwd: dir }, (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
    });
  const words = command.map((word) => `'${word}'`).join(" ");
  await tmux("new-session", "-d", "-x", "100", "-y", "12", `${words}; echo "status $?"; exec sleep 60`);
  t.after(() => tmux("kill-server").catch(() => undefined));
  const text = (): Promise<string> => tmux("capture-pane", "-p", "-J", "-S", "-");
  return {
    lines: async () => (await text()).trimEnd().split("\n"),
    async shows(pattern) {
      const deadline = performance.now() + PATIENCE;
      for (;;) {
        const seen = await text();
        const match = pattern.exec(seen);
        if (match !== null) return match;
        assert.ok(performance.now() < deadline, `waited in vain for ${pattern}:\n${seen}`);
      }
    },
  };
}

const WAITED_FOR = /^(starting|reloading|stopping): /m;
const LAST = /(?:^|\n)([^\n]*)\n*$/;

test("a line tells how it gets on, is mixed up with nothing, and leaves nothing behind", async (t) => {
  if (!hasPeers(t, "tmux")) return;
  const latch = await openLatch();
  t.after(() => latch.close());
  const app = `import net from "node:net";
const wait = (then) => net.connect(${JSON.stringify(latch.path)}).on("data", then);
console.log("printed before");
await new Promise(wait);
console.error("printed after");
export const app = (request, response) => wait(() => {
  console.log("printed meanwhile");
  response.end("done");
});`;
  const dir = scratch(t, { "app.mjs": app });
  const args = [
    "-w",
    "2",
    "-k",
    "eventloop",
    "-b",
    "127.0.0.1:0",
    "--log-level",
    "debug",
    "--access-logfile",
    "-",
  ];
  const { lines, shows } = await terminal(t, dir, [
    process.execPath,
    MAIN,
    "--chdir",
    dir,
    ...args,
    "app:app",
  ]);
  const [first, second] = [await latch.held(), await latch.held()];
  await shows(/^starting: 0\/2 workers ready, \d+\.\d s$/m);
  first.release();
  await shows(/^starting: 1\/2 workers ready/m);
  second.release();
  const [, url = "", pid = ""] = await shows(/Listening at: (\S+) \((\d+)\)/);
  await shows(/Ready worker=[\s\S]*Ready worker=/);
  const gone = async (): Promise<void> => {
    while (WAITED_FOR.test((await lines()).join("\n")));
  };
  await gone();

  process.kill(Number(pid), "SIGHUP");
  const third = await latch.held();
  await shows(/^reloading: 0\/2 workers new, \d+\.\d s$/m);
  third.release();
  await shows(/^reloading: 1\/2 workers new/m);
  (await latch.held()).release();
  await shows(/Reload complete/);
  await gone();

  const asked = [get(url), get(url)];
  const held = [await latch.held(), await latch.held()];
  process.kill(Number(pid), "SIGTERM");
  const [, last] = await shows(/^stopping: 2 requests draining in [12] workers?, \d+ s left$/m).then(
    ({ input = "" }) => LAST.exec(input) ?? [],
  );
  assert.match(last ?? "", WAITED_FOR, "it is below all else");
  held[0]?.release();
  await shows(/^stopping: 1 request draining in 1 worker, \d+ s left$/m);
  held[1]?.release();
  assert.deepEqual(
    (await Promise.all(asked)).map(({ body }) => body),
    ["done", "done"],
  );
  await shows(/^status 0$/m);
  const whole =
    /^(\[\d{4}-\d\d-\d\d .*|printed (before|after|meanwhile)|127\.0\.0\.1 .*"GET \/ HTTP\/1\.1" 200.*|status 0|)$/;
  const all = await lines();
  assert.deepEqual(
    all.filter((line) => !whole.test(line)),
    [],
    all.join("\n"),
  );
  const count = (text: string): number => all.filter((line) => line === text).length;
  assert.deepEqual(
    ["printed before", "printed after", "printed meanwhile"].map(count),
    [4, 4, 2],
    all.join("\n"),
  );
});

test("where there is no terminal there is no line, and nothing that would clear one", async (t) => {
  const server = start(t, ["-b", "127.0.0.1:0", "--log-level", "debug", "--access-logfile", "-", "app:app"], {
    files: { "app.mjs": `console.log("hello"); export const app = (request, response) => response.end();` },
    env: { TERM: "xterm" },
  });
  await ready(server, 1);
  await get(await server.url());
  await server.stop();
  const all = server.log() + server.stdout();
  assert.ok(!all.includes("\x1b") && !all.includes("\r"), all);
  assert.doesNotMatch(all, WAITED_FOR);
});
