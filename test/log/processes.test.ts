import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { child, linesOf, openPipe, temporaryDirectory } from "./places.ts";

const WRITERS = ["a", "b", "c"];
const COUNT = 4000;

/** Every line whole, none missing, each writer's in order. */
function checkLines(lines: readonly string[], names: readonly string[], count: number): void {
  const next = new Map(names.map((name) => [name, 0]));
  for (const line of lines) {
    const [name = "", number = ""] = line.split(" ");
    const i = next.get(name);
    assert.equal(Number(number), i, `"${line}" of writer ${name}`);
    assert.equal(line, `${name} ${i} ${"x".repeat((Number(i) * 37) % 300)} end`);
    next.set(name, Number(i) + 1);
  }
  assert.deepEqual(
    [...next.values()],
    names.map(() => count),
  );
}

function shell(script: string, ...args: string[]): SpawnSyncReturns<string> {
  return spawnSync("sh", ["-c", script, "sh", process.execPath, child("writer"), ...args], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
}

const together = WRITERS.map((name) => `"$1" "$2" "$3" ${name} ${COUNT} exit &`).join(" ");

test("processes that write to one file tear and lose no line", (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  assert.equal(shell(`${together} wait`, file).status, 0);
  checkLines(linesOf(file), WRITERS, COUNT);
});

test("processes that write to one pipe tear and lose no line", () => {
  const { stdout } = shell(`{ ${together} wait; } | cat`, "-");
  checkLines(stdout.trimEnd().split("\n"), WRITERS, COUNT);
});

test("processes that share a socket tear and lose no line", () => {
  // What spawn makes for a child's stdout is a socket.
  const { stdout } = shell(`${together} wait`, "-");
  checkLines(stdout.trimEnd().split("\n"), WRITERS, COUNT);
});

for (const ending of ["exit", "throw", "return"]) {
  test(`a process that ends by ${ending} right after its lines loses none`, (t) => {
    const file = path.join(temporaryDirectory(t), "log");
    const { status } = spawnSync(process.execPath, [child("writer"), file, "a", "1000", ending], {
      timeout: 60_000,
    });
    assert.equal(status, ending === "throw" ? 1 : 0);
    checkLines(linesOf(file), ["a"], 1000);
  });
}

test("a file that may not grow keeps what it took, and the loss is told", (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  const { status, stderr } = shell(`ulimit -f 8; "$1" "$2" "$3" a 1000 exit`, file);
  assert.equal(status, 0);
  const taken = fs.readFileSync(file, "utf8");
  assert.ok(taken.startsWith("a 0  end\na 1 "));
  const [first = "", second = "", ...more] = stderr.trimEnd().split("\n");
  assert.match(first, /\[WARNING\] accesslog \S+: the file is too big; lines wait in memory$/);
  const lost = 1000 - (taken.split("\n").length - 1);
  assert.ok(second.endsWith(`: ${lost} lines lost: the file is too big`), second);
  assert.deepEqual(more, []);
});

test("/dev/stdout is the standard output, also where it is a socket", () => {
  const { stdout } = spawnSync(process.execPath, [child("writer"), "/dev/stdout", "a", "10", "exit"], {
    encoding: "utf8",
  });
  checkLines(stdout.trimEnd().split("\n"), ["a"], 10);
});

test("an exit waits for the reader of a full pipe and loses nothing", async (t) => {
  const pipe = openPipe(t);
  const count = 3000; // three times what a pipe holds
  const writer = spawn(process.execPath, [child("stuck"), pipe.path, String(count)]);
  t.after(() => writer.kill("SIGKILL"));
  const exited = once(writer, "exit");
  await once(writer.stderr, "data");
  let read = "";
  for (let ended = false; !ended; ) {
    read += pipe.read();
    ended = await Promise.race([
      exited.then(() => true),
      new Promise<boolean>((r) => setImmediate(r, false)),
    ]);
  }
  read += pipe.read();
  const lines = read.trimEnd().split("\n");
  assert.equal(lines.length, count);
  lines.forEach((line, i) => {
    assert.equal(line, `line ${i} ${"x".repeat(90)}`);
  });
});

test("a reader killed in the middle does not kill the writer", () => {
  const { stdout } = shell(
    `{ "$1" "$2" "$3" a 20000 exit; echo "status $?" >&2; } 2>&1 >/dev/null | cat`,
    "-",
  );
  assert.equal(stdout, "status 0\n");
  const killed = shell(
    `{ { "$1" "$2" "$3" a 20000 exit; echo "status $?" >&3; } | head -c 1; } 3>&1 >/dev/null`,
    "-",
  );
  assert.equal(killed.stdout, "status 0\n");
  assert.match(killed.stderr, /\[WARNING\] accesslog: \d+ lines? lost: its reader is gone\n$/);
});

test("what JavaScript prints is captured whole and survives a reopen", (t) => {
  const file = path.join(temporaryDirectory(t), "error.log");
  const { stdout, stderr, status } = spawnSync(process.execPath, [child("chatter"), file], {
    encoding: "utf8",
  });
  assert.deepEqual([status, stdout, stderr], [0, "after the undo\n", ""]);
  assert.deepEqual(linesOf(`${file}.1`), [
    "first",
    "second",
    "an error",
    "between",
    "in two parts",
    "€",
    "hex",
  ]);
  assert.equal(fs.readFileSync(file, "utf8"), "after the reopen\nunfinished\nat the exit\n");
});

test("there is nothing to capture where the error log is stderr", () => {
  const { stdout, stderr } = spawnSync(process.execPath, [child("chatter"), "-"], { encoding: "utf8" });
  assert.match(
    stdout,
    /^first\nsecond\nin two parts\n€\nhex\nafter the reopen\nafter the undo\nunfinishedat the exit$/,
  );
  assert.equal(stderr, "an error\nbetween\n");
});
