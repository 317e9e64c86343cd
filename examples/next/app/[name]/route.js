// The routes beside the page, as route handlers: what goes in and comes out is the Fetch standard's.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { cookies } from "next/headers";

export const dynamic = "force-dynamic";

const PIECE = Buffer.alloc(64 * 1024, "piece ");
const FILE = join(process.cwd(), "public", "alphabet.txt");

const gets = {
  stream(request) {
    const count = Number(request.nextUrl.searchParams.get("pieces"));
    let made = 0;
    const over = () => console.error(`pieces made: ${made}`);
    // pull() is called as fast as the client takes the pieces.
    const body = new ReadableStream({
      pull(controller) {
        if (made < count) {
          made++;
          return controller.enqueue(PIECE);
        }
        over();
        controller.close();
      },
      cancel: over,
    });
    return new Response(body, { headers: { "Content-Type": "application/octet-stream" } });
  },

  sse() {
    let timer;
    let id = 0;
    const body = new ReadableStream({
      start(controller) {
        timer = setInterval(() => controller.enqueue(`id: ${++id}\ndata: event ${id}\n\n`), 20);
      },
      cancel() {
        clearInterval(timer);
        console.error("no more events");
      },
    });
    const headers = { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" };
    return new Response(body.pipeThrough(new TextEncoderStream()), { headers });
  },

  abort({ signal }) {
    console.error("the client waits");
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        console.error("the client has gone");
        resolve(new Response(null));
      });
    });
  },

  async range(request) {
    const { size } = await stat(FILE);
    const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
    const [start, end] = match === null ? [0, size - 1] : [Number(match[1]), Number(match[2])];
    const headers = { "Accept-Ranges": "bytes", "Content-Length": String(end - start + 1) };
    if (match !== null) headers["Content-Range"] = `bytes ${start}-${end}/${size}`;
    const body = Readable.toWeb(createReadStream(FILE, { start, end }));
    return new Response(body, { status: match === null ? 200 : 206, headers });
  },

  async cookies(request) {
    const jar = await cookies();
    jar.set("a", "1");
    jar.set("b", "2");
    return new Response(request.headers.get("cookie"));
  },

  empty: () => new Response(null, { status: 204 }),

  "after-end"() {
    const encoder = new TextEncoder();
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(encoder.encode("whole"));
        controller.close();
        try {
          controller.enqueue(encoder.encode("late"));
        } catch (error) {
          console.error(`left out: ${error.message}`);
        }
      },
    });
    return new Response(body);
  },

  fail() {
    throw new Error("meant to fail");
  },
};

export async function GET(request, { params }) {
  const { name } = await params;
  return gets[name]?.(request) ?? new Response("Not found\n", { status: 404 });
}

export async function POST(request) {
  let bytes = 0;
  for await (const chunk of request.body ?? []) bytes += chunk.length;
  return Response.json({ bytes });
}
