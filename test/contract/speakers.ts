// One client per protocol, all of one kind: what the protocol contract is run with.

import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import { type ClientHttp2Stream, connect, constants, type IncomingHttpHeaders } from "node:http2";
import net from "node:net";
import type { Spoken } from "../interfaces/serve.ts";
import {
  type Asked,
  fastcgiBody,
  fastcgiHead,
  fastcgiRecords,
  scgiHead,
  uwsgiHead,
  variablesOf,
} from "./cgi.ts";

export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The body as it comes; throws where it is known not to be whole. */
  readonly body: AsyncIterable<Buffer>;
}

export interface Conversation {
  /** Resolves when the head of the answer is there; rejects where none comes. */
  answer(): Promise<Answer>;
  /** The client goes away. */
  leave(): void;
}

export interface Speaker {
  readonly protocol: Spoken;
  /** Sends a request. */
  ask(port: number, asked: Asked): Promise<Conversation>;
}

async function connected(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  // Also where nobody reads it any more.
  socket.on("error", () => undefined);
  return socket;
}

const END = "\r\n\r\n";

/** Takes the head off: the rest is the body. */
async function parse(pieces: AsyncIterator<Buffer>, statusOf: (lines: string[]) => number): Promise<Answer> {
  let bytes = Buffer.alloc(0);
  while (!bytes.includes(END)) {
    const { done, value } = await pieces.next();
    if (done === true) throw new Error(`no whole head: ${bytes.toString("latin1")}`);
    bytes = Buffer.concat([bytes, value]);
  }
  const end = bytes.indexOf(END);
  const lines = bytes.toString("latin1", 0, end).split("\r\n");
  const status = statusOf(lines);
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const length = headers.find(([name]) => name === "content-length")?.[1];
  const promised = length === undefined ? undefined : Number(length);
  return { status, headers, body: bodyOf(bytes.subarray(end + END.length), pieces, promised) };
}

async function* bodyOf(
  first: Buffer,
  rest: AsyncIterator<Buffer>,
  promised: number | undefined,
): AsyncGenerator<Buffer> {
  let have = first.length;
  if (have > 0) yield first;
  for (;;) {
    const { done, value } = await rest.next();
    if (done === true) break;
    have += value.length;
    yield value;
  }
  // An answer to HEAD has none of it.
  if (promised !== undefined && have > 0 && have !== promised)
    throw new Error(`${have} of ${promised} bytes`);
}

const httpStatus = (lines: string[]): number =>
  Number(/^HTTP\/1\.\d (\d{3}) /.exec(lines.shift() ?? "")?.[1]);
const cgiStatus = (lines: string[]): number => Number(/^Status: (\d{3}) /.exec(lines.shift() ?? "")?.[1]);

function single(
  protocol: Spoken,
  head: (pairs: readonly string[]) => Buffer,
  statusOf: (lines: string[]) => number,
): Speaker {
  return {
    protocol,
    async ask(port, asked) {
      const socket = await connected(port);
      socket.write(Buffer.concat([head(variablesOf(asked)), Buffer.from(asked.body ?? "")]));
      return {
        answer: () => parse(socket[Symbol.asyncIterator](), statusOf),
        leave: () => void socket.destroy(),
      };
    },
  };
}

const fastcgi: Speaker = {
  protocol: "fastcgi",
  async ask(port, asked) {
    const socket = await connected(port);
    socket.write(Buffer.concat([fastcgiHead(1, variablesOf(asked)), fastcgiBody(1, asked.body)]));
    return { answer: () => parse(stdout(socket), cgiStatus), leave: () => void socket.destroy() };
  },
};

/** Without an end that says so, it is not whole. */
async function* stdout(socket: net.Socket): AsyncGenerator<Buffer> {
  for await (const { type, content } of fastcgiRecords(socket)) {
    if (type === 6 && content.length > 0) yield content;
    if (type !== 3) continue;
    if (content.readUInt32BE(0) !== 0) throw new Error(`appStatus ${content.readUInt32BE(0)}`);
    return;
  }
  throw new Error("no END_REQUEST");
}

const http1: Speaker = {
  protocol: "http",
  async ask(port, { method, target = "/", headers = {}, body }) {
    const options = { host: "127.0.0.1", port, agent: false, path: target };
    const req = http.request({ ...options, headers, ...(method === undefined ? {} : { method }) });
    const response = once(req, "response");
    response.catch(() => undefined);
    req.end(body);
    return {
      async answer() {
        const [res]: IncomingMessage[] = await response;
        if (res === undefined) throw new Error("no response");
        const raw = res.rawHeaders;
        const pairs = raw.flatMap((name, i): (readonly [string, string])[] =>
          i % 2 === 0 ? [[name.toLowerCase(), raw[i + 1] ?? ""]] : [],
        );
        return { status: res.statusCode ?? 0, headers: pairs, body: res };
      },
      leave: () => void req.destroy(),
    };
  },
};

/** Node ends the readable side of a stream that is reset in good order. */
async function* unbroken(stream: ClientHttp2Stream): AsyncGenerator<Buffer> {
  yield* stream;
  if (!stream.closed) await once(stream, "close");
  if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) throw new Error(`reset with ${stream.rstCode}`);
}

/** A session for each request. */
const http2: Speaker = {
  protocol: "http2",
  async ask(port, { method = "GET", target = "/", headers = {}, body }) {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", () => undefined);
    const stream = session.request({ ":method": method, ":path": target, ...headers });
    stream.on("close", () => session.close());
    const response = once(stream, "response");
    response.catch(() => undefined);
    stream.end(body);
    return {
      async answer() {
        const [found]: IncomingHttpHeaders[] = await response;
        if (found === undefined) throw new Error("no response");
        const pairs = Object.entries(found).flatMap(([name, value]) =>
          [value ?? []].flat().map((one): readonly [string, string] => [name, String(one)]),
        );
        return { status: Number(found[":status"]), headers: pairs, body: unbroken(stream) };
      },
      leave: () => stream.close(constants.NGHTTP2_CANCEL, () => session.destroy()),
    };
  },
};

export const speakers: readonly Speaker[] = [
  http1,
  http2,
  single("uwsgi", uwsgiHead, httpStatus),
  single("scgi", scgiHead, cgiStatus),
  fastcgi,
];
