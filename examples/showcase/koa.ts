// What Koa can do under tgunicorn. Run it: npx tgunicorn -w 4 --chdir examples/showcase koa:app

import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import Koa, { type Context } from "koa";
import { events, FILE, pieces, rangeOf } from "./content.ts";

export const app = new Koa();

type Route = (ctx: Context) => void | Promise<void>;

const routes: Readonly<Record<string, Route>> = {
  "GET /"(ctx) {
    ctx.body = "Hello from Koa\n";
  },
  "GET /stream"(ctx) {
    ctx.body = Readable.from(pieces(Number(ctx.query.pieces)));
  },
  async "POST /upload"(ctx) {
    let bytes = 0;
    for await (const chunk of ctx.req) bytes += chunk.length;
    ctx.body = { bytes };
  },
  "GET /sse"(ctx) {
    ctx.set("Cache-Control", "no-cache");
    ctx.type = "text/event-stream";
    ctx.body = Readable.from(events());
  },
  async "GET /abort"(ctx) {
    console.error("the client waits");
    await once(ctx.res, "close");
    console.error("the client has gone");
  },
  async "GET /range"(ctx) {
    const { size } = await stat(FILE);
    const range = rangeOf(ctx.get("range"), size);
    ctx.type = "text/plain";
    ctx.set("Accept-Ranges", "bytes");
    ctx.length = range === undefined ? size : range.end - range.start + 1;
    if (range !== undefined) {
      ctx.status = 206;
      ctx.set("Content-Range", range.contentRange);
    }
    ctx.body = createReadStream(FILE, range);
  },
  "GET /cookies"(ctx) {
    ctx.cookies.set("a", "1");
    ctx.cookies.set("b", "2", { httpOnly: false });
    ctx.body = ctx.get("cookie");
  },
  "GET /empty"(ctx) {
    ctx.status = 204;
  },
  "GET /after-end"(ctx) {
    ctx.respond = false;
    ctx.res.end("whole");
    ctx.res.write("late");
  },
  "GET /fail"() {
    throw new Error("meant to fail");
  },
};

app.use((ctx) => routes[`${ctx.method === "HEAD" ? "GET" : ctx.method} ${ctx.path}`]?.(ctx));
