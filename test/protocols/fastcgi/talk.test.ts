import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import net from "node:net";
import { describe, it, type TestContext } from "node:test";
import {
  fastcgiBegin,
  fastcgiBody,
  fastcgiHead,
  fastcgiPairs,
  fastcgiRecord,
  fastcgiRecords,
  type Heard,
  variablesOf,
} from "../../contract/cgi.ts";
import { serve } from "../../interfaces/serve.ts";

const GET_VALUES_RESULT = 10;
const [BEGIN_ABORT, END, PARAMS, STDIN, STDOUT, STDERR] = [2, 3, 4, 5, 6, 7];

interface Line {
  readonly socket: net.Socket;
  readonly records: AsyncGenerator<Heard>;
  readonly warnings: readonly string[];
  drain(): Promise<void>;
  send(...pieces: Buffer[]): void;
  next(): Promise<Heard>;
  /** Everything up to the end of request `id`: its output and appStatus and protocolStatus. */
  answer(id: number): Promise<{ out: string; err: string; app: number; protocol: number }>;
}

/** `/wait` answers when `release` is called, everything else at once. */
async function line(
  t: TestContext,
  app?: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<Line> {
  const { port, warnings, drain } = await serve(t, app ?? echo, "node", { protocol: "fastcgi" });
  const socket = net.connect({ port, host: "127.0.0.1" });
  socket.on("error", () => undefined);
  t.after(() => socket.destroy());
  await once(socket, "connect");
  const records = fastcgiRecords(socket);
  const next = async (): Promise<Heard> => {
    const { done, value } = await records.next();
    if (done === true) throw new Error("the connection has ended");
    return value;
  };
  return {
    socket,
    records,
    warnings,
    drain: () => drain("keep"),
    send: (...pieces) => void socket.write(Buffer.concat(pieces)),
    next,
    async answer(id) {
      let [out, err] = ["", ""];
      for (;;) {
        const { type, id: of, content } = await next();
        if (of !== id) throw new Error(`of request ${of}`);
        if (type === STDOUT) out += content;
        if (type === STDERR) err += content;
        if (type === END) return { out, err, app: content.readUInt32BE(0), protocol: content[4] ?? -1 };
      }
    },
  };
}

function echo(req: IncomingMessage, res: ServerResponse): void {
  let body = "";
  req.on("data", (chunk) => {
    body += chunk;
  });
  req.on("end", () => res.end(`${req.url} ${req.headers["transfer-encoding"] ?? ""}${body}`));
}

const request = (id: number, target: string, keep = true): Buffer =>
  Buffer.concat([fastcgiHead(id, variablesOf({ target }), keep), fastcgiBody(id)]);

describe("a FastCGI connection", () => {
  it("is kept where the front asks for it, and closed where it does not", async (t) => {
    const { send, answer, socket } = await line(t);
    send(request(1, "/one"));
    assert.match((await answer(1)).out, /^Status: 200 OK\r\n[\s\S]*\/one $/);
    send(request(1, "/two", false));
    assert.match((await answer(1)).out, /\/two $/);
    await once(socket, "close");
  });

  it("tells with its last answer, in the same piece, that it is not to be kept", async (t) => {
    const { send, answer, next, socket, drain } = await line(t);
    send(request(1, "/one"));
    await answer(1);
    const drained = drain();
    send(request(2, "/two"));
    assert.match((await answer(2)).out, /\/two $/);
    const { type, id, content } = await next();
    assert.deepEqual([type, id, content.length], [GET_VALUES_RESULT, 0, 0]);
    await once(socket, "close");
    await drained;
  });

  it("is read byte by byte", async (t) => {
    const { send, answer } = await line(t);
    const bytes = Buffer.concat([
      fastcgiHead(9, variablesOf({ target: "/a", body: "hello" })),
      fastcgiBody(9, "hello"),
    ]);
    for (const byte of bytes) {
      send(Buffer.from([byte]));
      if (byte === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match((await answer(9)).out, /\/a hello$/);
  });

  it("has several requests at once, answered as they are ready", async (t) => {
    const held = new Map<string, ServerResponse>();
    const { send, answer } = await line(t, (req, res) => {
      if (req.url === "/last") {
        for (const path of ["/b", "/a"]) held.get(path)?.end(path);
        res.end("last");
      } else held.set(req.url ?? "", res);
    });
    send(request(1, "/a"), request(2, "/b"), request(300, "/last"));
    assert.match((await answer(2)).out, /\/b$/);
    assert.match((await answer(1)).out, /\/a$/);
    assert.match((await answer(300)).out, /last$/);
  });

  it("takes parameters of two requests in turns", async (t) => {
    const { send, answer } = await line(t);
    const block = (target: string): Buffer => fastcgiPairs(variablesOf({ target }));
    const [a, b] = [block("/a"), block("/b")];
    send(fastcgiBegin(1, { keep: true }), fastcgiBegin(2, { keep: true }));
    send(fastcgiRecord(PARAMS, 1, a.subarray(0, 7)), fastcgiRecord(PARAMS, 2, b.subarray(0, 40)));
    send(fastcgiRecord(PARAMS, 1, a.subarray(7)), fastcgiRecord(PARAMS, 1), fastcgiRecord(STDIN, 1));
    assert.match((await answer(1)).out, /\/a $/);
    send(fastcgiRecord(PARAMS, 2, b.subarray(40)), fastcgiRecord(PARAMS, 2), fastcgiRecord(STDIN, 2));
    assert.match((await answer(2)).out, /\/b $/);
  });

  it("has no more than a hundred of them at once", async (t) => {
    const { send, next } = await line(t, () => undefined);
    for (let id = 1; id <= 101; id++) send(request(id, "/"));
    const { type, id, content } = await next();
    assert.deepEqual([type, id, content[4]], [END, 101, 2]);
  });

  it("goes on after a request that is aborted", async (t) => {
    let left = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      left = resolve;
    });
    const { send, answer } = await line(t, (req, res) => {
      if (req.url === "/wait") res.on("close", left);
      else res.end("next");
    });
    send(request(1, "/wait"), fastcgiRecord(BEGIN_ABORT, 1));
    assert.deepEqual(await answer(1), { out: "", err: "", app: 1, protocol: 0 });
    await gone;
    send(request(1, "/next"));
    assert.match((await answer(1)).out, /next$/);
  });

  it("tells what it can do", async (t) => {
    const { send, next } = await line(t);
    const asked = fastcgiPairs([
      "FCGI_MAX_CONNS",
      "",
      "FCGI_MAX_REQS",
      "",
      "FCGI_MPXS_CONNS",
      "",
      "OTHER",
      "",
    ]);
    send(fastcgiRecord(9, 0, asked));
    const { type, content } = await next();
    assert.equal(type, 10);
    assert.deepEqual(
      content,
      fastcgiPairs(["FCGI_MAX_CONNS", "1000", "FCGI_MAX_REQS", "1000", "FCGI_MPXS_CONNS", "1"]),
    );
  });

  it("names a type that it does not know, and ignores what belongs to no request", async (t) => {
    const { send, next, answer } = await line(t);
    send(fastcgiRecord(77, 0), fastcgiRecord(STDIN, 5, Buffer.from("x")), fastcgiRecord(77, 5));
    const { type, content } = await next();
    assert.deepEqual([type, content[0]], [11, 77]);
    send(request(1, "/after"));
    assert.match((await answer(1)).out, /after $/);
  });

  it("serves no other role", async (t) => {
    const { send, answer } = await line(t);
    send(fastcgiBegin(1, { role: 2, keep: true }));
    assert.deepEqual(await answer(1), { out: "", err: "", app: 0, protocol: 3 });
  });

  it("takes a body of unknown length as HTTP/1.1 has them", async (t) => {
    const { send, answer } = await line(t);
    send(fastcgiHead(1, variablesOf({ target: "/a" }), true), fastcgiBody(1, "body"));
    assert.match((await answer(1)).out, /\/a chunkedbody$/);
  });

  it("lets a body that is shorter than it should be fail", async (t) => {
    const { send, answer, warnings } = await line(t);
    send(fastcgiHead(1, variablesOf({ target: "/a", length: 10 }), true), fastcgiBody(1, "short"));
    assert.equal((await answer(1)).app, 1);
    assert.match(warnings.join(), /a body of 5 bytes, where CONTENT_LENGTH is 10/);
  });

  it("refuses a request and goes on, and says why on STDERR", async (t) => {
    const { send, answer, warnings } = await line(t);
    send(fastcgiHead(1, ["REQUEST_METHOD", "GET"], true), fastcgiBody(1));
    const { out, err } = await answer(1);
    assert.match(out, /^Status: 400 Bad Request\r\n/);
    assert.equal(err, "refused: No REQUEST_URI");
    assert.match(warnings.join(), /No REQUEST_URI/);
    send(request(1, "/next"));
    assert.match((await answer(1)).out, /next $/);
  });

  it("is closed where something else is spoken, and the log says what", async (t) => {
    const { socket, warnings } = await line(t);
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    socket.resume();
    await once(socket, "close");
    assert.deepEqual(warnings, ["Invalid request from ip=127.0.0.1: HTTP on a FastCGI address"]);
  });

  it("reads no faster than the application, and not at all behind it", async (t) => {
    const { send, answer, socket } = await line(t, (req, res) => {
      let bytes = 0;
      setImmediate(() => {
        req.on("data", (chunk) => {
          bytes += chunk.length;
        });
        req.on("end", () => res.end(String(bytes)));
      });
    });
    const body = Buffer.alloc(20_000_000);
    send(fastcgiHead(1, variablesOf({ target: "/", length: body.length }), true), fastcgiBody(1, body));
    assert.match((await answer(1)).out, /20000000$/);
    assert.equal(socket.destroyed, false);
  });
});
