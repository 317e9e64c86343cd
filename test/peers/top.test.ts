// tgunicornctl top in a real terminal: Python's pty.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { ready } from "../process/client.ts";
import { start, within } from "../process/server.ts";
import { hasPeers } from "./peer.ts";

/** Runs a command in a terminal of 60 columns and 12 lines, which a line "resize" on stdin makes 100 and 30. */
const TERMINAL = `
import fcntl, os, pty, select, struct, sys, termios
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
def size(rows, columns): fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
size(12, 60)
while True:
    ready, _, _ = select.select([0, fd], [], [])
    if fd in ready:
        try: data = os.read(fd, 65536)
        except OSError: break
        if not data: break
        os.write(1, data)
    if 0 in ready:
        keys = os.read(0, 100).decode()
        if keys == "resize": size(30, 100)
        else: os.write(fd, keys.encode())
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
`;

const CTL = fileURLToPath(new URL("../../../dist/ctl.js", import.meta.url));
const [ENTER, LEAVE, HOME] = ["\x1b[?1049h", "\x1b[?1049l", "\x1b[H"];

test("top draws the fleet without flicker, sorts, follows the terminal's size, and leaves it as it was", async (t) => {
  if (!hasPeers(t, "python3")) return;
  const server = start(
    t,
    ["-w", "2", "-b", "127.0.0.1:0", "-p", "app.pid", "--log-level", "debug", "app:app"],
    { files: { "app.mjs": `export const app = (request, response) => response.end("hello");` } },
  );
  await ready(server, 2);
  await server.saw(/Control socket/);
  const words = [process.execPath, CTL, "-p", join(server.dir, "app.pid"), "top"];
  const child = spawn("python3", ["-c", TERMINAL, ...words], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => void child.kill("SIGKILL"));
  let seen = "";
  let changed: () => void = () => undefined;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    seen += text;
    changed();
  });
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  /** Pictures so far, as lines of plain text; the last may be under way. */
  const pictures = (): string[][] =>
    seen
      .split(HOME)
      .slice(1)
      .map((one) => stripVTControlCharacters(one).split(/\r*\n/));
  const draws = async (wanted: (lines: string[]) => boolean): Promise<string[]> => {
    for (;;) {
      const found = pictures().slice(0, -1).find(wanted) ?? pictures().slice(-1).find(wanted);
      if (found !== undefined) return found;
      const change = new Promise<void>((resolve) => {
        changed = resolve;
      });
      await within(change, "a picture", () => seen);
    }
  };
  const lines = await draws((all) =>
    all.some((line) => /q quit/.test(line) || /sort: w \[worker\]/.test(line)),
  );
  assert.match(lines[0] ?? "", /^tgunicorn\/\S+ {2}app:app {2}pid \d+ {2}running, up /);
  assert.match(lines[1] ?? "", /^generation 1: 2 of 2 serve/);
  assert.match(lines[2] ?? "", /^requests\/s +[\d.]+ +▁/);
  assert.ok(
    lines.some((line) => /^ +1 +1 +\d+ +serving/.test(line)),
    lines.join("\n"),
  );
  child.stdin.write("resize");
  await draws((all) => all.some((line) => line.length > 60));
  child.stdin.write("m");
  await draws((all) => all.some((line) => line.includes("m [rss]") && line.endsWith("q quit")));
  // A share of the processor takes two looks.
  await draws((all) => all.some((line) => /serving +[\d.]+ .* \d+ %/.test(line)));
  for (const all of pictures()) {
    assert.ok(all.length <= 30 && all.every((line) => line.length <= 100), all.join("\n"));
  }
  // Nothing is ever wiped first: that is what flickers.
  assert.ok(!seen.includes("\x1b[2J"));
  child.stdin.write("q");
  assert.equal(await within(exited, "the end", () => seen), 0);
  assert.ok(seen.indexOf(ENTER) >= 0 && seen.trimEnd().endsWith(LEAVE), JSON.stringify(seen.slice(-80)));
  await server.stop();
});
