import assert from "node:assert/strict";
import { test } from "node:test";
import { clearsLine, createStatusLine, drawsLine } from "../../src/log/status-line.ts";

const ESC = "\x1b";
const PIECES = new RegExp(`\\r|\\n|${ESC}\\[K|[^\\r\\n${ESC}]+`, "g");

/** What a terminal shows of this: nothing but CR, LF and "erase to the end of the line" is understood. */
function screen(text: string): string[] {
  const lines = [""];
  let column = 0;
  for (const piece of text.match(PIECES) ?? []) {
    const at = lines.length - 1;
    const line = lines[at] ?? "";
    if (piece === "\r") column = 0;
    else if (piece === "\n") {
      lines.push("");
      column = 0;
    } else if (piece === "\x1b[K") lines[at] = line.slice(0, column);
    else {
      lines[at] = line.slice(0, column).padEnd(column) + piece + line.slice(column + piece.length);
      column += piece.length;
    }
  }
  return lines;
}

test("the line is drawn in place, makes room for others, and leaves nothing behind", () => {
  let out = "";
  const line = createStatusLine(
    (text) => {
      out += text;
    },
    () => 20,
  );
  line.aside(() => {
    out += "before\n";
  });
  assert.equal(out, "before\n", "nothing is written where no line is shown");
  line.show("starting: 1/4, the rest is cut off");
  assert.deepEqual(screen(out), ["before", "starting: 1/4, the "]);
  line.show("starting: 2/4");
  assert.deepEqual(screen(out), ["before", "starting: 2/4"]);
  line.aside(() => {
    out += "log\n";
  });
  assert.deepEqual(screen(out), ["before", "log", "starting: 2/4"]);
  line.show(null);
  assert.deepEqual(screen(out), ["before", "log", ""]);
  const length = out.length;
  line.show(null);
  assert.equal(out.length, length);
});

test("what is printed clears the line where it begins one, and keeps what it has begun", () => {
  let out = "starting: 1/4";
  const stream = Object.create(process.stdout);
  Object.assign(stream, {
    isTTY: true,
    write: (chunk: string | Uint8Array, ...more: readonly unknown[]) => {
      out += Buffer.from(chunk).toString();
      const done = more.at(-1);
      if (typeof done === "function") done();
      return true;
    },
  });
  clearsLine(stream);
  let done = 0;
  const count = (): void => void done++;
  stream.write("one ", count);
  stream.write(Buffer.from("line\n"), count);
  stream.write("another\n", "utf8", count);
  assert.deepEqual(screen(out), ["one line", "another", ""]);
  assert.equal(done, 3);
});

test("it is not drawn without a terminal to draw on", () => {
  const shown = { daemon: false, errorlog: "-" };
  assert.equal(drawsLine({ ...shown, daemon: true }, { TERM: "xterm" }), false);
  assert.equal(drawsLine({ ...shown, errorlog: "error.log" }, { TERM: "xterm" }), false);
  for (const TERM of [undefined, "", "dumb"]) assert.equal(drawsLine(shown, { TERM }), false);
});
