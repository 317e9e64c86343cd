import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import net from "node:net";
import { test } from "node:test";
import { latch, serve } from "../../interfaces/serve.ts";
import { frame, PREFACE, SETTINGS } from "../../process/h2-frame.ts";

/** POST, http, `/`, and `a` as the authority. */
const POST = Buffer.from([0x83, 0x86, 0x84, 0x01, 0x01, 0x61]);

test("a body that is broken off without naming an error does not pass for whole", async (t) => {
  const [arrived, ended] = [latch(), latch()];
  let outcome = "";
  const app = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    try {
      for await (const piece of req) {
        outcome += String(piece);
        arrived.open();
      }
      outcome += ", whole";
    } catch {
      outcome += ", broken off";
    }
    ended.open();
    res.end();
  };
  const { port } = await serve(t, app, "node", { protocol: "http2" });
  const socket = net.connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  const opening = [PREFACE, SETTINGS, frame(1, 0x4, 1, POST)];
  socket.write(Buffer.concat([...opening, frame(0, 0, 1, Buffer.from("a part"))]));
  await arrived.promise;
  socket.write(frame(3, 0, 1, Buffer.alloc(4)));
  await ended.promise;
  assert.equal(outcome, "a part, broken off");
});
