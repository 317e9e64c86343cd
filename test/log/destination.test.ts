import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";
import { ServerError } from "../../src/errors.ts";
import { openDestination } from "../../src/log/destination.ts";
import { linesOf, openPipe, temporaryDirectory } from "./places.ts";

/** Gathers warnings instead of showing them. */
function collect(): { warnings: string[]; warn: (message: string) => void } {
  const warnings: string[] = [];
  return { warnings, warn: (message) => warnings.push(message) };
}

test("lines are appended, and none is written before it has to be", (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  fs.writeFileSync(file, "before\n");
  const log = openDestination(file);
  log.write("one");
  log.write("žluťoučký 🐎\nof two lines");
  assert.deepEqual(linesOf(file), ["before"]);
  log.flush();
  assert.deepEqual(linesOf(file), ["before", "one", "žluťoučký 🐎", "of two lines"]);
  log.write("last");
  log.close();
  assert.equal(linesOf(file).at(-1), "last");
});

test("a new file is readable by all and writable by its owner, less the umask", (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  const before = process.umask(0o026);
  try {
    openDestination(file).close();
  } finally {
    process.umask(before);
  }
  assert.equal(fs.statSync(file).mode & 0o777, 0o640);
});

test("a new file lacks what it is told to lack, also after a rotation", (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  const log = openDestination(file, { umask: 0o077 });
  t.after(() => log.close());
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  fs.renameSync(file, `${file}.1`);
  log.reopen();
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
});

test("64 KB of lines are written without waiting for the timer", (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  const log = openDestination(file, { delay: 1_000_000 });
  t.after(() => log.close());
  const line = "x".repeat(1023);
  for (let i = 0; i < 63; i++) log.write(line);
  assert.equal(fs.statSync(file).size, 0);
  log.write(line);
  assert.equal(fs.statSync(file).size, 64 * 1024);
});

test("the timer writes what waits", async (t) => {
  const pipe = openPipe(t);
  const log = openDestination(pipe.path);
  t.after(() => log.close());
  const reader = new net.Socket({
    fd: fs.openSync(pipe.path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK),
  });
  t.after(() => reader.destroy());
  const seen = new Promise((resolve) => reader.once("data", resolve));
  log.write("by itself");
  assert.equal(String(await seen), "by itself\n");
});

test("without a delay each line is written at once", (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  const log = openDestination(file, { delay: 0 });
  t.after(() => log.close());
  log.write("now");
  assert.deepEqual(linesOf(file), ["now"]);
});

test("a full pipe is tried again and gets every line whole, however long", (t) => {
  const pipe = openPipe(t);
  const { warnings, warn } = collect();
  const log = openDestination(pipe.path, { warn });
  const lines = Array.from({ length: 400 }, (_, i) => `${i} ${"é".repeat((i * 97) % 7000)} end`);
  for (const line of lines) log.write(line);
  let read = "";
  for (let rounds = 0; rounds < 1000 && read.length < lines.join("\n").length + 1; rounds++) {
    log.flush();
    read += pipe.read();
  }
  assert.deepEqual(read.split("\n"), [...lines, ""]);
  log.close();
  assert.deepEqual([log.lost, warnings], [0, []]);
});

test("a write to a pipe ends with a line, so that no other writer's can come between", (t) => {
  const pipe = openPipe(t);
  const log = openDestination(pipe.path, { warn: () => {} });
  t.after(() => log.close());
  // Takes the first of the pipe's 16 pages, so that pieces of two pages would not come out even.
  const first = "y".repeat(2000);
  log.write(first);
  log.flush();
  const line = "x".repeat(99);
  for (let i = 0; i < 5000; i++) log.write(line);
  // A pipe of 64 KB is full in the middle of the 5,000 lines; what it took are whole lines.
  const read = pipe.read();
  assert.ok(read.length > 4096 && read.length < 500_000, String(read.length));
  assert.deepEqual(new Set(read.split("\n")), new Set([first, line, ""]));
});

test("closing waits a second for a full pipe, no longer, and tells what was lost", (t) => {
  const pipe = openPipe(t);
  const { warnings, warn } = collect();
  const log = openDestination(pipe.path, { warn });
  for (let i = 0; i < 5000; i++) log.write("x".repeat(99));
  const start = performance.now();
  log.close();
  const waited = performance.now() - start;
  assert.ok(waited >= 990 && waited < 5000, String(waited));
  const arrived = pipe.read().split("\n").length - 1;
  assert.equal(log.lost, 5000 - arrived);
  assert.deepEqual(warnings, [
    `errorlog ${pipe.path}: ${log.lost} lines lost: it took no more before the exit`,
  ]);
});

test("what waits for a full pipe is bounded; the rest is counted and told once", (t) => {
  const pipe = openPipe(t);
  const { warnings, warn } = collect();
  const log = openDestination(pipe.path, { warn, limit: 100_000, setting: "accesslog" });
  for (let i = 0; i < 5000; i++) log.write(`${i} ${"x".repeat(90)}`);
  const { lost } = log;
  assert.ok(lost > 0 && lost < 5000);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /^accesslog \S+: 1 line lost: it takes no more$/);
  let read = "";
  for (let rounds = 0; rounds < 10; rounds++) {
    log.flush();
    read += pipe.read();
  }
  log.close();
  assert.equal(read.split("\n").length - 1, 5000 - lost);
  assert.deepEqual(warnings.slice(1), [`accesslog ${pipe.path}: ${lost - 1} lines lost: it takes no more`]);
});

test("what has gone out of a busy pipe makes room for more", (t) => {
  const pipe = openPipe(t);
  const log = openDestination(pipe.path, { limit: 200_000, warn: () => {} });
  t.after(() => log.close());
  const line = "x".repeat(99);
  for (let i = 0; i < 500; i++) log.write(line);
  let total = 0;
  for (let rounds = 0; rounds < 30; rounds++) {
    for (let i = 0; i < 600; i++) log.write(line);
    log.flush();
    total += pipe.read().length;
  }
  assert.ok(total > 1_500_000, String(total));
  assert.equal(log.lost, 0);
});

test("a full pipe is not tried again for every line", (t) => {
  const pipe = openPipe(t);
  const { mock } = t.mock.method(fs, "writeSync");
  const log = openDestination(pipe.path, { warn: () => {} });
  t.after(() => log.close());
  for (let i = 0; i < 20_000; i++) log.write("x".repeat(99));
  // 16 pages taken, then one attempt for every 64 KB of the 2 MB.
  assert.ok(mock.callCount() < 60, String(mock.callCount()));
});

test("a reader that is gone costs lines and one warning, never an exception", (t) => {
  const pipe = openPipe(t);
  const { warnings, warn } = collect();
  const log = openDestination(pipe.path, { warn });
  log.write("read");
  log.flush();
  assert.equal(pipe.read(), "read\n");
  pipe.closeReader();
  for (let i = 0; i < 3; i++) {
    log.write("unread");
    log.flush();
  }
  assert.deepEqual(warnings, [`errorlog ${pipe.path}: 1 line lost: its reader is gone`]);
  log.close();
  assert.equal(log.lost, 3);
  assert.equal(warnings[1], `errorlog ${pipe.path}: 2 lines lost: its reader is gone`);
});

test("a warning that throws does no harm", (t) => {
  const pipe = openPipe(t);
  const log = openDestination(pipe.path, {
    warn() {
      throw new Error("no");
    },
  });
  pipe.closeReader();
  log.write("unread");
  log.close();
  assert.equal(log.lost, 1);
});

test("a full disk keeps lines for later, says so once, and counts them when it is too late", () => {
  const { warnings, warn } = collect();
  const log = openDestination("/dev/full", { warn });
  for (let i = 0; i < 3; i++) {
    log.write("x");
    log.flush();
  }
  assert.equal(log.lost, 0);
  assert.deepEqual(warnings, ["errorlog /dev/full: no space left on the device; lines wait in memory"]);
  log.close();
  assert.equal(log.lost, 3);
  assert.equal(warnings.length, 2);
});

test("a line after the close is lost, quietly", (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  const { warnings, warn } = collect();
  const log = openDestination(file, { warn });
  log.close();
  log.close();
  log.write("late");
  log.flush();
  log.reopen();
  assert.deepEqual([linesOf(file), log.lost, warnings.length], [[], 1, 1]);
});

test("after a rotation, lines from before the reopen are in the old file and later ones in the new", (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  const log = openDestination(file);
  t.after(() => log.close());
  log.write("one");
  log.flush();
  fs.renameSync(file, `${file}.1`);
  log.write("two");
  log.reopen();
  log.write("three");
  log.flush();
  assert.deepEqual([linesOf(`${file}.1`), linesOf(file)], [["one", "two"], ["three"]]);
});

test("a reopen that fails keeps the old file", (t) => {
  const directory = path.join(temporaryDirectory(t), "logs");
  fs.mkdirSync(directory);
  const file = path.join(directory, "log");
  const { warnings, warn } = collect();
  const log = openDestination(file, { warn });
  t.after(() => log.close());
  fs.renameSync(directory, `${directory}.old`);
  log.reopen();
  log.write("still here");
  log.flush();
  assert.deepEqual(linesOf(`${directory}.old/log`), ["still here"]);
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0] ?? "",
    /log can't be written: its directory does not exist\..*the old file stays in use$/,
  );
});

test("reopening many times leaks no descriptor", (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  const log = openDestination(file);
  t.after(() => log.close());
  const count = (): number => fs.readdirSync("/proc/self/fd").length;
  const before = count();
  for (let i = 0; i < 50; i++) log.reopen();
  assert.equal(count(), before);
});

test("a target that can't be written is refused with its path, its setting and the reason", (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, "file");
  fs.writeFileSync(file, "");
  const unread = path.join(directory, "unread");
  execFileSync("mkfifo", [unread]);
  const cases = [
    [directory, "it is a directory"],
    [path.join(directory, "none", "log"), "its directory does not exist"],
    [path.join(file, "log"), "a part of its path is not a directory"],
    [unread, "nothing reads this pipe or socket"],
  ] as const;
  for (const [target, reason] of cases) {
    assert.throws(
      () => openDestination(target, { setting: "accesslog" }),
      (error) =>
        error instanceof ServerError &&
        error.code === "LOG_UNWRITABLE" &&
        error.exitStatus === 1 &&
        error.message.startsWith(`accesslog: ${target} can't be written: ${reason}.`),
    );
  }
});

test("a file of somebody else is refused", {
  skip: process.getuid?.() === 0 && "root may write anywhere",
}, (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  fs.writeFileSync(file, "", { mode: 0o444 });
  assert.throws(() => openDestination(file), /permission denied/);
});

test("a log that is moved away while it is opened is written all the same", (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  t.mock.method(fs, "lstatSync", () => {
    throw Object.assign(new Error("gone"), { code: "ENOENT" });
  });
  const destination = openDestination(file, { owner });
  destination.write("a line");
  destination.close();
  assert.equal(fs.readFileSync(file, "utf8"), "a line\n");
});

test("root gives no file away by another's link", { skip: process.getuid?.() !== 0 && "for root" }, (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, "theirs");
  fs.writeFileSync(file, "");
  const link = path.join(directory, "log");
  fs.symlinkSync(file, link);
  const owner = { uid: 65_534, gid: 65_534 };
  fs.lchownSync(link, owner.uid, owner.gid);
  openDestination(link, { owner }).close();
  assert.equal(fs.statSync(file).uid, 0);
  fs.linkSync(file, path.join(directory, "hard"));
  openDestination(path.join(directory, "hard"), { owner }).close();
  assert.equal(fs.statSync(file).uid, 0);
  fs.rmSync(path.join(directory, "hard"));
  fs.lchownSync(link, 0, 0);
  openDestination(link, { owner }).close();
  assert.equal(fs.statSync(file).uid, owner.uid);
});
