// What every framework's application can do, under every class of worker. Each example of examples/showcase, and those
// with a package of their own, answer the same routes in their own way.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http, { type IncomingMessage, type RequestOptions } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { type TestContext, test } from "node:test";
import { ready } from "../process/client.ts";
import { ROOT, type Server, start } from "../process/server.ts";

export interface Example {
  readonly name: string;
  /** Below `examples`. */
  readonly directory: string;
  readonly app: string;
  /** False, having skipped the test, where what the example needs is not installed. */
  readonly installed?: (t: TestContext) => boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** False where the framework leaves the length of a streamed body out, even if it is told. */
  readonly lengths?: boolean;
  /** Warnings and errors of the server that belong to it. */
  readonly expected?: readonly RegExp[];
}

/** A class of worker, and the arguments that start it. */
export const KINDS = {
  sync: ["-k", "sync"],
  eventloop: ["-k", "eventloop"],
  threaded: ["-k", "threaded", "--threads", "2"],
} as const;

const PIECE = 64 * 1024;
const MEBIBYTE = 1024 * 1024;
const UPLOAD = 100 * MEBIBYTE;
/** What a worker may need more: buffers, and garbage not yet collected. */
const GROWTH = 64 * MEBIBYTE;

export function startExample(t: TestContext, example: Example, kind: keyof typeof KINDS): Server {
  const args = ["-w", "1", ...KINDS[kind], "-b", "127.0.0.1:0", "--log-level", "debug"];
  return start(t, [...args, "--chdir", join(ROOT, "examples", example.directory), example.app], {
    ...(example.env === undefined ? {} : { env: example.env }),
    expected: [/was written to after its end/, ...(example.expected ?? [])],
  });
}

interface Bed {
  readonly example: Example;
  readonly server: Server;
  /** Sends a request, with `body` if there is one, and gives the response before its body is read. */
  open(path: string, options?: RequestOptions, body?: Readable): Promise<IncomingMessage>;
  readonly port: number;
}

export function frameworkContract(example: Example): void {
  for (const kind of ["sync", "eventloop", "threaded"] as const) {
    test(`${example.name} under ${kind}`, async (t) => {
      if (example.installed?.(t) === false) return;
      const server = startExample(t, example, kind);
      await ready(server, 1);
      const port = await server.port();
      const bed: Bed = {
        example,
        server,
        port,
        open: (path, options, body) =>
          open({ host: "127.0.0.1", port, path, agent: false, ...options }, body),
      };
      for (const [what, check] of Object.entries(CHECKS)) await t.test(what, () => check(bed));
      await server.stop();
      assert.equal(server.count(/Booting worker=/), 1, `a worker was lost:\n${server.log()}`);
    });
  }
}

async function open(options: RequestOptions, body?: Readable): Promise<IncomingMessage> {
  const req = http.request(options);
  const response = once(req, "response");
  if (body === undefined) req.end();
  else await pipeline(body, req);
  const [res]: IncomingMessage[] = await response;
  assert.ok(res);
  return res;
}

async function bytesOf(res: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of res) bytes += chunk.length;
  return bytes;
}

/** The most memory that a process has ever used, in bytes. */
function peak(pid: number): number {
  const match = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  return Number(match?.[1]) * 1024;
}

const zeros = (size: number): Readable =>
  Readable.from(
    (function* () {
      const chunk = Buffer.alloc(PIECE);
      for (let sent = 0; sent < size; sent += PIECE) yield chunk;
    })(),
  );

const UPLOADING = { method: "POST", headers: { "Content-Type": "application/octet-stream" } } as const;

const CHECKS: Readonly<Record<string, (bed: Bed) => Promise<void>>> = {
  async "answers GET and HEAD"({ open }) {
    const res = await open("/");
    assert.equal(res.statusCode, 200);
    assert.match(await text(res), /Hello from /);
    const head = await open("/", { method: "HEAD" });
    assert.deepEqual([head.statusCode, await text(head)], [200, ""]);
  },

  async "streams a body of unknown length"({ open }) {
    const res = await open("/stream?pieces=40");
    assert.deepEqual([res.statusCode, res.headers["content-length"]], [200, undefined]);
    assert.equal(await bytesOf(res), 40 * PIECE);
    assert.ok(res.complete);
  },

  async "makes no more than a slow reader takes, in flat memory"({ open, server }) {
    const [pid = 0] = server.workerPids();
    const before = peak(pid);
    const made = server.count(/pieces made: /);
    const res = await open("/stream?pieces=100000");
    let taken = 0;
    for await (const chunk of res) {
      taken += chunk.length;
      if (taken > 8 * MEBIBYTE) break; // which closes the connection
    }
    const match = await server.saw(/pieces made: (\d+)/, made + 1);
    // Without back-pressure all 6 GB are made. The kernel's buffers on both sides hold some.
    assert.ok(Number(match[1]) * PIECE < taken + 32 * MEBIBYTE, `${match[0]}, ${taken} bytes taken`);
    assert.ok(peak(pid) - before < GROWTH, `from ${before} to ${peak(pid)} bytes`);
  },

  async "takes an upload of 100 MiB in flat memory"({ open, server }) {
    const [pid = 0] = server.workerPids();
    const upload = async (size: number): Promise<void> => {
      const res = await open("/upload", UPLOADING, zeros(size));
      assert.deepEqual(JSON.parse(await text(res)), { bytes: size });
    };
    await upload(UPLOAD);
    // What is read is garbage soon, of which some versions of node collect none before it is 90 MB, in each thread.
    const before = peak(pid);
    await upload(3 * UPLOAD);
    const after = peak(pid);
    assert.ok(after - before < 2 * GROWTH, `from ${before} to ${after} bytes`);
  },

  async "tells a client that waits for 100 Continue to go on"({ port }) {
    const headers = { ...UPLOADING.headers, Expect: "100-continue", "Content-Length": 5 };
    const req = http.request({ host: "127.0.0.1", port, path: "/upload", method: "POST", headers });
    req.flushHeaders();
    await once(req, "continue");
    req.end("hello");
    const [res]: IncomingMessage[] = await once(req, "response");
    assert.ok(res);
    assert.deepEqual(JSON.parse(await text(res)), { bytes: 5 });
  },

  async "sends events as they happen, until the client leaves"({ open, server }) {
    const over = server.count(/no more events/);
    const res = await open("/sse");
    assert.match(res.headers["content-type"] ?? "", /^text\/event-stream/);
    let seen = "";
    for await (const chunk of res) {
      seen += chunk;
      if (seen.includes("data: event 3\n\n")) break;
    }
    assert.match(seen, /^\s*id: 1\ndata: event 1\n\nid: 2\ndata: event 2\n\n/);
    await server.saw(/no more events/, over + 1);
  },

  async "tells the application that the client has gone before any answer"({ port, server }) {
    const req = http.get({ host: "127.0.0.1", port, path: "/abort", agent: false });
    req.on("error", () => undefined);
    await server.saw(/the client waits/);
    req.destroy();
    await server.saw(/the client has gone/);
  },

  async "sends a range of a file, and the whole"({ open, example }) {
    const length = (bytes: string) => (example.lengths === false ? undefined : bytes);
    const part = await open("/range", { headers: { Range: "bytes=2-5" } });
    assert.deepEqual([part.statusCode, part.headers["content-range"]], [206, "bytes 2-5/27"]);
    assert.deepEqual([part.headers["content-length"], await text(part)], [length("4"), "cdef"]);
    const whole = await open("/range");
    assert.deepEqual([whole.statusCode, whole.headers["content-length"]], [200, length("27")]);
    assert.equal(await text(whole), "abcdefghijklmnopqrstuvwxyz\n");
    const head = await open("/range", { method: "HEAD" });
    assert.deepEqual([head.headers["content-length"], await text(head)], [length("27"), ""]);
  },

  async "takes cookies, and sets several"({ open }) {
    const res = await open("/cookies", { headers: { Cookie: "x=1; y=2" } });
    assert.equal(await text(res), "x=1; y=2");
    assert.deepEqual(
      res.headers["set-cookie"]?.map((cookie) => cookie.split(";")[0]),
      ["a=1", "b=2"],
    );
  },

  async "answers 204 without a body"({ open }) {
    const res = await open("/empty");
    assert.deepEqual([res.statusCode, res.headers["transfer-encoding"]], [204, undefined]);
    assert.equal(await text(res), "");
  },

  async "what is written after the end harms nobody"({ open }) {
    assert.equal(await text(await open("/after-end")), "whole");
    assert.equal((await open("/empty")).statusCode, 204);
  },

  async "a failure is answered with 500"({ open }) {
    const res = await open("/fail");
    assert.equal(res.statusCode, 500);
    await text(res);
    assert.equal((await open("/empty")).statusCode, 204);
  },
};
