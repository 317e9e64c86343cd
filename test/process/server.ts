// Starts the real server and watches it by what it says. Nothing here waits for time to pass: every wait is for a
// line, an exit or an answer, and fails with the whole log when it does not come.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const MAIN = fileURLToPath(new URL("../../../dist/main.js", import.meta.url));
/** The repository: the compiled tests are in build/test/process. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const FIXTURES = join(ROOT, "test", "fixtures");
/** How long a wait may take before it counts as lost, in milliseconds. Generous: a busy machine is no failure. */
const PATIENCE = 60_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Server {
  readonly pid: number;
  readonly dir: string;
  /** Everything written to stderr so far. */
  readonly log: () => string;
  readonly stdout: () => string;
  /** Resolves with the match when `pattern` has been seen `times` times since the start. */
  saw(pattern: RegExp, times?: number): Promise<RegExpMatchArray>;
  /** How often `pattern` has been seen. */
  count(pattern: RegExp): number;
  signal(name: NodeJS.Signals, pid?: number): void;
  readonly exited: Promise<Exit>;
  /** The port of the first TCP listener; known once it listens. */
  port(): Promise<number>;
  url(path?: string): Promise<string>;
  /** Pids of all workers ever booted. */
  workerPids(): number[];
  /** Sends TERM, waits for exit 0, and checks that all is clean. */
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Lines of level WARNING and above that the test expects; any other fails it. */
  readonly expected?: readonly RegExp[];
  /** Files that may be left in the directory. */
  readonly leaves?: readonly string[];
  readonly cwd?: string;
  readonly nodeArgs?: readonly string[];
  /** Another descriptor table for the server: listening sockets from 3 on. */
  readonly descriptors?: readonly number[];
  /** A shell script that becomes the server by `exec "$@"`. */
  readonly script?: string;
}

/** Where what is to be undone at the end is registered: a test, or a bench. */
export interface Undo {
  after(undo: () => unknown): void;
}

/** A directory of the test's own, removed when it ends. */
export function scratch(t: Undo, files: Readonly<Record<string, string>> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), "tgunicorn-test-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function start(t: Undo, args: readonly string[], options: StartOptions = {}): Server {
  const dir = scratch(t, options.files);
  const before = new Set(readdirSync(dir));
  const {
    GUNICORN_CMD_ARGS: _,
    PORT: __,
    WEB_CONCURRENCY: ___,
    NODE_OPTIONS: ____,
    ...inherited
  } = process.env;
  const command = [process.execPath, ...(options.nodeArgs ?? []), MAIN, ...args];
  const [program = "", ...rest] =
    options.script === undefined ? command : ["/bin/sh", "-c", options.script, "sh", ...command];
  const child = spawn(program, rest, {
    cwd: options.cwd ?? dir,
    env: { ...inherited, ...options.env },
    // A group of its own: a test that fails leaves nothing behind.
    detached: true,
    stdio: ["ignore", "pipe", "pipe", ...(options.descriptors ?? [])],
  });
  const out = collect(child);
  const exited = new Promise<Exit>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  void exited.then(() => out.wake());
  let gone = false;
  // At once, and not again: numbers are few, and by the end of a long test this one may be another group's.
  child.on("close", () => {
    gone = true;
    killGroup(child);
  });
  t.after(() => gone || killGroup(child));

  const server: Server = {
    pid: child.pid ?? 0,
    dir,
    log: () => out.stderr,
    stdout: () => out.stdout,
    count: (pattern) => matches(out.stderr, pattern).length,
    async saw(pattern, times = 1) {
      let over = false;
      void exited.then(() => {
        over = true;
      });
      for (;;) {
        const found = matches(out.stderr, pattern);
        const match = found[times - 1];
        if (match !== undefined) return match;
        assert.ok(!over, `the server exited without having said ${pattern} ${times} time(s):\n${out.stderr}`);
        await within(out.change(), `${pattern} ${times} time(s)`, () => out.stderr);
      }
    },
    signal: (name, pid = server.pid) => void process.kill(pid, name),
    exited: exited,
    async port() {
      const match = await server.saw(/Listening at: \S*?:\/\/[^\s,]*:(\d+)/);
      return Number(match[1]);
    },
    url: async (path = "/") => `http://127.0.0.1:${await server.port()}${path}`,
    workerPids: () =>
      matches(out.stderr, /Booting worker=\d+ gen=\d+ pid=(\d+)/).map((match) => Number(match[1])),
    async stop() {
      if (child.exitCode === null) server.signal("SIGTERM");
      const exit = await within(exited, "the server's exit", () => out.stderr);
      assert.deepEqual(exit, { code: 0, signal: null }, out.stderr);
      checkClean();
    },
  };

  const checkClean = (): void => {
    for (const pid of server.workerPids()) assert.ok(!isAlive(pid), `orphan ${pid}:\n${out.stderr}`);
    const unexpected = out.stderr
      .split("\n")
      .filter((line) => /\[(WARNING|ERROR|CRITICAL)\]/.test(line))
      .filter((line) => !killedUnborn(line, out.stderr))
      .filter((line) => !(options.expected ?? []).some((pattern) => pattern.test(line)));
    assert.deepEqual(unexpected, [], `unexpected lines in:\n${out.stderr}`);
    const left = readdirSync(dir).filter(
      (name) => !before.has(name) && !(options.leaves ?? []).includes(name),
    );
    assert.deepEqual(left, [], "leftover files");
  };
  return server;
}

/** Resolves like `promise`, or fails with `context` when it takes too long. */
export async function within<T>(promise: Promise<T>, what: string, context: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}:\n${context()}`)), PATIENCE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A zombie is no longer alive: whoever adopted it may be slow to reap it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** Resolves when the process has ended: it closes its files a moment before. */
export async function ended(pid: number): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (isAlive(pid)) {
    assert.ok(performance.now() < deadline, `process ${pid} lives on`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function matches(text: string, pattern: RegExp): RegExpMatchArray[] {
  return [...text.matchAll(new RegExp(pattern.source, `${pattern.flags.replace("g", "")}g`))];
}

interface Output {
  stderr: string;
  stdout: string;
  change(): Promise<void>;
  wake(): void;
}

function collect(child: ChildProcess): Output {
  let waiting: (() => void)[] = [];
  const output: Output = {
    stderr: "",
    stdout: "",
    change: () => new Promise((resolve) => waiting.push(resolve)),
    wake() {
      const woken = waiting;
      waiting = [];
      for (const resolve of woken) resolve();
    },
  };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
    output.wake();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
    output.wake();
  });
  return output;
}

/** Whoever is told to go while it boots has a second or two, in which a busy machine may not let it hear. */
function killedUnborn(line: string, log: string): boolean {
  const pid = /Killing worker=\d+ gen=\d+ pid=(\d+): it did not finish in time/.exec(line)?.[1];
  return pid !== undefined && /\[DEBUG\]/.test(log) && !new RegExp(`Ready worker=.* pid=${pid}\n`).test(log);
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // all gone
  }
}
