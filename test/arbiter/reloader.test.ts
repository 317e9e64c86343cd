import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { createReloader } from "../../src/arbiter/reloader.ts";

/** Watches a directory's `*.html`, and what is said to be imported. */
function watching(t: TestContext, reloadEngine: "poll" | "auto", extra?: string) {
  // Long after the files were made: the time of none tells that it has changed.
  t.mock.method(Date, "now", () => performance.timeOrigin + performance.now() + 60_000);
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "tgunicorn-reloader-")));
  mkdirSync(join(dir, "views"));
  for (const name of ["a.mjs", "b.mjs", "views/a.html"]) writeFileSync(join(dir, name), "1");
  const events = new EventEmitter();
  const told: string[] = [];
  const reloader = createReloader({
    config: {
      chdir: dir,
      config: null,
      reloadEngine,
      reloadExtraFiles: [extra ?? join(dir, "views/*.html")],
    },
    log: {
      debug: (message) => void events.emit("watching", message),
      info(message) {
        told.push(message);
        events.emit("told");
      },
      warning: (message) => assert.fail(message),
    },
    reload: () => void events.emit("reload"),
  });
  t.after(() => {
    reloader.close();
    rmSync(dir, { recursive: true });
  });
  return { dir, events, reloader, told };
}

/** Makes the directory with its file, which is no younger than any other. */
function make(path: string, file: string, text = "1"): void {
  mkdirSync(path);
  writeFileSync(join(path, file), text);
  utimesSync(join(path, file), 0, 0);
}

/** What is watched, and how it comes to be another directory. */
const REPLACED: readonly (readonly [how: string, prepare: typeof make, replace: typeof make])[] = [
  [
    "removed and made again",
    make,
    (path, file) => {
      rmSync(path, { recursive: true });
      // It may get the inodes of the former.
      make(path, file, "two");
    },
  ],
  [
    "swapped by rename",
    make,
    (path, file) => {
      make(`${path}.new`, file);
      renameSync(path, `${path}.old`);
      renameSync(`${path}.new`, path);
    },
  ],
  [
    "behind a symbolic link that is switched",
    (path, file) => {
      make(`${path}.v1`, file);
      symlinkSync(`${path}.v1`, path);
    },
    (path, file) => {
      make(`${path}.v2`, file);
      symlinkSync(`${path}.v2`, `${path}.next`);
      renameSync(`${path}.next`, path);
    },
  ],
];

for (const engine of ["poll", "auto"] as const) {
  for (const [how, prepare, replace] of REPLACED) {
    test(`${engine}: a directory ${how} is told of, and watched from then on`, async (t) => {
      const { dir, events, reloader, told } = watching(t, engine);
      await once(events, "watching");
      const path = join(dir, "dist");
      prepare(path, "c.mjs");
      reloader.imported([join(path, "c.mjs")], Date.now());
      await once(events, "watching");
      const anew = Promise.all([once(events, "reload"), once(events, "watching")]);
      replace(path, "c.mjs");
      await anew;
      const next = once(events, "reload");
      writeFileSync(join(path, "c.mjs"), "three");
      await next;
      assert.deepEqual(new Set(told), new Set(["Reloading: dist/c.mjs has changed"]));
    });
    test(`${engine}: a directory ${how} before it is watched is told of`, async (t) => {
      const { dir, events, reloader, told } = watching(t, engine);
      await once(events, "watching");
      const path = join(dir, "dist");
      prepare(path, "c.mjs");
      reloader.imported([join(path, "c.mjs")], Date.now());
      const reload = once(events, "reload");
      replace(path, "c.mjs");
      await reload;
      assert.deepEqual(told, ["Reloading: dist/c.mjs has changed"]);
    });
    test(`${engine}: so are extra files below a directory ${how}`, async (t) => {
      const dir = realpathSync(mkdtempSync(join(tmpdir(), "tgunicorn-extra-")));
      t.after(() => rmSync(dir, { recursive: true }));
      const path = join(dir, "pages");
      prepare(path, "a.html");
      const { events, told } = watching(t, engine, `${path}/*.html`);
      await once(events, "watching");
      const anew = Promise.all([once(events, "reload"), once(events, "watching")]);
      replace(path, "a.html");
      await anew;
      const next = once(events, "reload");
      writeFileSync(join(path, "a.html"), "three");
      await next;
      assert.match(told.at(-1) ?? "", /pages\/a\.html has changed$|and 1 more$/);
    });
  }
  for (const [kind, name, path] of [
    ["a directory", "late", "late/deep/a.txt"],
    ["a file", "late.txt", "late.txt"],
    ["a file in a directory", "late/a.txt", "late/a.txt"],
  ] as const) {
    test(`${engine}: ${kind} that is made when the watch has begun is told of, once`, async (t) => {
      const { dir, events, reloader, told } = watching(t, engine, name);
      await once(events, "watching");
      reloader.imported([join(dir, "b.mjs")], Date.now());
      await once(events, "watching");
      const made = [once(events, "reload")];
      // A directory that appears is watched anew.
      if (path.includes("/")) made.push(once(events, "watching"));
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), "1");
      await Promise.all(made);
      const next = once(events, "reload");
      writeFileSync(join(dir, "b.mjs"), "two");
      await next;
      const later = once(events, "reload");
      writeFileSync(join(dir, path), "two");
      await later;
      assert.match(told[0] ?? "", /^Reloading: late/);
      assert.deepEqual(told.slice(1), ["Reloading: b.mjs has changed", `Reloading: ${path} has changed`]);
    });
  }
  test(`${engine}: a change is told of from the moment on in which it is said to be watched for`, async (t) => {
    const { dir, events, reloader, told } = watching(t, engine);
    await once(events, "watching");
    reloader.imported([join(dir, "a.mjs")], Date.now());
    await once(events, "watching");
    const reload = once(events, "reload");
    writeFileSync(join(dir, "a.mjs"), "two");
    await reload;
    assert.deepEqual(told, ["Reloading: a.mjs has changed"]);
  });
  test(`${engine}: what is written before the reload begins is of the same change`, async (t) => {
    const { dir, events, reloader, told } = watching(t, engine);
    await once(events, "watching");
    reloader.imported([join(dir, "a.mjs"), join(dir, "b.mjs")], Date.now());
    await once(events, "watching");
    events.once("told", () => writeFileSync(join(dir, "a.mjs"), "two"));
    const reload = once(events, "reload");
    // As editors do before they write.
    writeFileSync(join(dir, "a.mjs"), "");
    await reload;
    const next = once(events, "reload");
    writeFileSync(join(dir, "b.mjs"), "two");
    await next;
    assert.deepEqual(told, ["Reloading: a.mjs has changed", "Reloading: b.mjs has changed"]);
  });
  for (const name of ["a.mjs", "views/a.html"]) {
    test(`${engine}: a change of ${name} is told of once, though its watch is replaced before it has looked`, async (t) => {
      const { dir, events, reloader, told } = watching(t, engine);
      await once(events, "watching");
      reloader.imported([join(dir, "a.mjs")], Date.now());
      await once(events, "watching");
      writeFileSync(join(dir, name), "two");
      const reload = once(events, "reload");
      reloader.imported([join(dir, "b.mjs")], Date.now());
      await Promise.all([once(events, "watching"), reload]);
      // Whatever watches now sees the next one.
      const next = once(events, "reload");
      writeFileSync(join(dir, "b.mjs"), "two");
      await next;
      assert.deepEqual(told, [`Reloading: ${name} has changed`, "Reloading: b.mjs has changed"]);
    });
  }
}

test("after a reload to another directory the extra files are those below it", async (t) => {
  const { dir, events, reloader, told } = watching(t, "auto", "*.html");
  await once(events, "watching");
  reloader.follow({
    chdir: join(dir, "views"),
    config: null,
    reloadEngine: "auto",
    reloadExtraFiles: ["*.html"],
  });
  await once(events, "watching");
  const reload = once(events, "reload");
  writeFileSync(join(dir, "views/a.html"), "two");
  await reload;
  assert.deepEqual(told, ["Reloading: a.html has changed"]);
});

test("a file that gets another mode has not changed", async (t) => {
  const { dir, events, reloader, told } = watching(t, "auto");
  await once(events, "watching");
  reloader.imported([join(dir, "a.mjs")], Date.now());
  await once(events, "watching");
  chmodSync(join(dir, "a.mjs"), 0o640);
  reloader.imported([join(dir, "b.mjs")], Date.now());
  await once(events, "watching");
  const reload = once(events, "reload");
  writeFileSync(join(dir, "b.mjs"), "two");
  await reload;
  assert.deepEqual(told, ["Reloading: b.mjs has changed"]);
});
