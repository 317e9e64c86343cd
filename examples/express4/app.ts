// What Express 4 can do under tgunicorn. It knows nothing of promises: what goes wrong in one is passed to `next`.
// Run it: npm install --prefix examples/express4 && npx tgunicorn -w 4 --chdir examples/express4 app:app

import { Readable } from "node:stream";
import express from "express";
import { events, FILE, pieces } from "../showcase/content.ts";

export const app = express();

app.get("/", (_req, res) => {
  res.type("text/plain").send("Hello from Express 4\n");
});

app.get("/stream", (req, res) => {
  const source = Readable.from(pieces(Number(req.query.pieces)));
  // pipe() alone would not tell the source that the client has gone.
  res.on("close", () => source.destroy());
  source.pipe(res.type("application/octet-stream"));
});

app.post("/upload", (req, res, next) => {
  let bytes = 0;
  req.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  req.on("end", () => res.json({ bytes }));
  req.on("error", next);
});

app.get("/sse", (_req, res) => {
  const source = Readable.from(events());
  res.on("close", () => source.destroy());
  source.pipe(res.type("text/event-stream").set("Cache-Control", "no-cache"));
});

app.get("/abort", (_req, res) => {
  console.error("the client waits");
  res.on("close", () => console.error("the client has gone"));
});

app.get("/range", (_req, res) => {
  res.sendFile(FILE);
});

app.get("/cookies", (req, res) => {
  res.cookie("a", "1", { httpOnly: true }).cookie("b", "2");
  res.type("text/plain").send(req.get("cookie") ?? "");
});

app.get("/empty", (_req, res) => {
  res.status(204).end();
});

app.get("/after-end", (_req, res) => {
  res.end("whole");
  res.write("late");
});

app.get("/fail", (_req, _res, next) => {
  Promise.reject(new Error("meant to fail")).catch(next);
});
