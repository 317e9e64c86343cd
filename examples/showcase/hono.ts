// What Hono can do under tgunicorn. Run it: npx tgunicorn -w 4 --chdir examples/showcase hono:app

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { Hono } from "hono";
import { setCookie } from "hono/cookie";
import { stream } from "hono/streaming";
import { events, FILE, pieces, rangeOf } from "./content.ts";

export const app = new Hono();

app.get("/", (c) => c.text("Hello from Hono\n"));

app.get("/stream", (c) =>
  stream(c, async (out) => {
    for await (const piece of pieces(Number(c.req.query("pieces")))) {
      if (out.aborted) break;
      await out.write(piece);
    }
  }),
);

app.post("/upload", async (c) => {
  let bytes = 0;
  const reader = c.req.raw.body?.getReader();
  for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
    bytes += read.value.length;
  }
  return c.json({ bytes });
});

app.get("/sse", (c) => {
  c.header("Content-Type", "text/event-stream");
  c.header("Cache-Control", "no-cache");
  return stream(c, async (out) => {
    for await (const event of events()) {
      if (out.aborted) break;
      await out.write(event);
    }
  });
});

app.get("/abort", (c) => {
  console.error("the client waits");
  const { signal } = c.req.raw;
  return new Promise<Response>((_, reject) => {
    signal.addEventListener("abort", () => {
      console.error("the client has gone");
      reject(signal.reason);
    });
  });
});

app.get("/range", async (c) => {
  const { size } = await stat(FILE);
  const range = rangeOf(c.req.header("range"), size);
  c.header("Content-Type", "text/plain");
  c.header("Accept-Ranges", "bytes");
  c.header("Content-Length", String(range === undefined ? size : range.end - range.start + 1));
  if (range !== undefined) c.header("Content-Range", range.contentRange);
  return c.body(Readable.toWeb(createReadStream(FILE, range)), range === undefined ? 200 : 206);
});

app.get("/cookies", (c) => {
  setCookie(c, "a", "1", { httpOnly: true });
  setCookie(c, "b", "2");
  return c.text(c.req.header("cookie") ?? "");
});

app.get("/empty", (c) => c.body(null, 204));

app.get("/after-end", (c) =>
  stream(c, async (out) => {
    await out.write("whole");
    await out.close();
    await out.write("late");
  }),
);

app.get("/fail", async () => {
  throw new Error("meant to fail");
});
