import assert from "node:assert/strict";
import net from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { json, openWeb, type Page } from "../../src/arbiter/web/server.ts";
import { scratch } from "../process/server.ts";

interface Opened {
  readonly path: string;
  /** How many pages have been made. */
  readonly made: () => number;
  /** Lets those that are being made be ready. */
  readonly release: () => void;
}

async function opened(t: TestContext): Promise<Opened> {
  const path = join(scratch(t), "web.sock");
  let made = 0;
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = async (): Promise<Page> => {
    const mine = ++made;
    await held;
    return json(200, { made: mine });
  };
  const failed = (error: unknown): void => assert.fail(String(error));
  const server = await openWeb({ kind: "unix", path }, "--health-bind", { "/slow": slow }, failed);
  t.after(() => server.close());
  return { path, made: () => made, release };
}

const REQUEST = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

/** All that is answered until the connection ends. */
async function said(socket: net.Socket): Promise<string> {
  let answer = "";
  socket.setEncoding("latin1").on("data", (text) => {
    answer += String(text);
  });
  // What nobody has read makes it a reset, after the answer.
  socket.on("error", () => undefined);
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return answer;
}

test("a connection gets one answer, however much it asks", async (t) => {
  const { path, made, release } = await opened(t);
  const socket = net.connect(path);
  const answer = said(socket);
  socket.write(REQUEST.repeat(3_000));
  // Whoever comes later is answered: what the first has sent is behind it.
  release();
  assert.equal((await answer).split("HTTP/1.1 200").length - 1, 1);
  assert.equal(made(), 1);
});

test("who asks for a page that is being made gets that one", async (t) => {
  const { path, made, release } = await opened(t);
  const sockets = Array.from({ length: 50 }, () => net.connect(path));
  const answers = sockets.map(said);
  for (const socket of sockets) socket.write(REQUEST);
  const late = net.connect(path);
  const last = said(late);
  late.write("GET /other HTTP/1.1\r\nHost: a\r\n\r\n");
  // It was sent last, so the others have been heard.
  assert.match(await last, /^HTTP\/1.1 404 /);
  release();
  for (const answer of await Promise.all(answers)) assert.match(answer, /\{"made":1\}/);
  assert.equal(made(), 1);
});
