// What Fastify can do under tgunicorn. Run it: npx tgunicorn -w 4 --chdir examples/showcase fastify:app

import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import Fastify from "fastify";
import { events, FILE, pieces, rangeOf } from "./content.ts";

export const app = Fastify();

// The handler gets the stream itself, whatever its size.
app.addContentTypeParser("application/octet-stream", (_request, payload, done) => done(null, payload));

app.get("/", async () => "Hello from Fastify\n");

app.get<{ Querystring: { pieces: string } }>("/stream", (request, reply) =>
  reply.type("application/octet-stream").send(Readable.from(pieces(Number(request.query.pieces)))),
);

app.post<{ Body: Readable }>("/upload", async (request) => {
  let bytes = 0;
  for await (const chunk of request.body) bytes += chunk.length;
  return { bytes };
});

app.get("/sse", (_request, reply) =>
  reply.type("text/event-stream").header("Cache-Control", "no-cache").send(Readable.from(events())),
);

app.get("/abort", async (_request, reply) => {
  console.error("the client waits");
  await once(reply.raw, "close");
  console.error("the client has gone");
  return reply.hijack();
});

app.get("/range", async (request, reply) => {
  const { size } = await stat(FILE);
  const range = rangeOf(request.headers.range, size);
  reply.type("text/plain").header("Accept-Ranges", "bytes");
  reply.header("Content-Length", range === undefined ? size : range.end - range.start + 1);
  if (range !== undefined) reply.code(206).header("Content-Range", range.contentRange);
  return reply.send(createReadStream(FILE, range));
});

app.get("/cookies", (request, reply) =>
  reply.header("Set-Cookie", ["a=1; HttpOnly", "b=2"]).send(request.headers.cookie),
);

app.get("/empty", (_request, reply) => reply.code(204).send());

app.get("/after-end", (_request, reply) => {
  reply.hijack();
  reply.raw.end("whole");
  reply.raw.write("late");
});

app.get("/fail", async () => {
  throw new Error("meant to fail");
});
