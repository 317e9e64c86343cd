// What Express 5 can do under tgunicorn. Run it: npx tgunicorn -w 4 --chdir examples/showcase express:app

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import express from "express";
import { events, FILE, pieces } from "./content.ts";

export const app = express();

app.get("/", (_req, res) => {
  res.type("text/plain").send("Hello from Express 5\n");
});

app.get("/stream", async (req, res) => {
  res.type("application/octet-stream");
  // The pieces are made as fast as the client takes them.
  await pipeline(Readable.from(pieces(Number(req.query.pieces))), res).catch(() => undefined);
});

app.post("/upload", async (req, res) => {
  let bytes = 0;
  for await (const chunk of req) bytes += chunk.length;
  res.json({ bytes });
});

app.get("/sse", async (_req, res) => {
  res.type("text/event-stream").set("Cache-Control", "no-cache");
  await pipeline(Readable.from(events()), res).catch(() => undefined);
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

app.get("/fail", async () => {
  throw new Error("meant to fail");
});
