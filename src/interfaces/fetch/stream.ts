// A Response's body, sent as it comes and no faster than the client takes it.

import { inspect } from "node:util";
import type { Exchange } from "../../protocols/exchange.ts";
import { byteLength, parseLength } from "../answer.ts";

export interface Head {
  readonly status: number;
  readonly reason: string | undefined;
  readonly headers: string[];
  /** The length that the application declared, if it did. */
  readonly declared: string | null;
}

type Reader = ReadableStreamDefaultReader<unknown>;
type Chunk = Uint8Array | string;

/** Pieces waited for before anything is sent, as long as they are there already. */
const EARLY = 2;
/** Turns of the microtask queue in which a stream made from a string or bytes gives its piece, and its end. Measured: 4. */
const TURNS = 10;

/**
 * Sends head and body. A body that is all there, as those made from a string or bytes are, is sent as a whole with its
 * length. The Fetch standard hides what a body was made from, but such a one ends without anything being waited for.
 */
export async function sendBody(exchange: Exchange, body: ReadableStream<unknown>, head: Head): Promise<void> {
  const reader = body.getReader();
  const early: Chunk[] = [];
  let read = reader.read();
  while (early.length < EARLY && (await settlesNow(read))) {
    const { done, value } = await read;
    if (done) return sendWhole(exchange, head, early);
    early.push(asChunk(value));
    read = reader.read();
  }
  await sendPieces(exchange, head, early, reader, read);
}

async function settlesNow(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  for (let turn = 0; turn < TURNS && !settled; turn++) await undefined;
  return settled;
}

function sendWhole(exchange: Exchange, head: Head, chunks: readonly Chunk[]): void {
  const length = chunks.reduce((sum, chunk) => sum + byteLength(chunk), 0);
  if (head.declared === null) head.headers.push("content-length", String(length));
  else checkComplete(length, parseLength(head.declared));
  exchange.head(head.status, head.reason, head.headers);
  for (const chunk of chunks.slice(0, -1)) exchange.write(chunk);
  exchange.end(chunks.at(-1));
}

async function sendPieces(
  exchange: Exchange,
  head: Head,
  early: readonly Chunk[],
  reader: Reader,
  first: ReturnType<Reader["read"]>,
): Promise<void> {
  const { signal } = exchange;
  let sent = 0;
  let allowed = Number.POSITIVE_INFINITY;
  // The application's stream is told, so that it can stop making what nobody takes. Not where the client has gone because
  // it has the whole answer: to cancel a stream that is about to end can throw where nobody catches it
  // (https://github.com/nodejs/undici/pull/5716).
  const abandon = (): void => {
    if (sent < allowed) reader.cancel(signal.reason).catch(() => {});
  };
  if (signal.aborted) return abandon();
  signal.addEventListener("abort", abandon, { once: true });
  try {
    if (head.declared !== null) allowed = parseLength(head.declared);
    exchange.head(head.status, head.reason, head.headers);
    const send = async (chunk: Chunk): Promise<void> => {
      sent += byteLength(chunk);
      if (!exchange.write(chunk)) await exchange.drained();
    };
    for (const chunk of early) await send(chunk);
    for (let read = await first; !read.done; read = await reader.read()) {
      await send(asChunk(read.value));
      // The protocol has left out what is too much, and said so.
      if (sent > allowed) break;
    }
    if (signal.aborted) return;
    if (sent > allowed) reader.cancel().catch(() => {});
    else if (head.declared !== null) checkComplete(sent, allowed);
    exchange.end();
  } catch (error) {
    if (signal.aborted) return;
    reader.cancel(error).catch(() => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", abandon);
  }
}

/** The rest would be taken from the next answer on the connection. */
function checkComplete(sent: number, declared: number): void {
  if (sent < declared)
    throw new Error(`the body has ${sent} of the ${declared} bytes that Content-Length declares`);
}

function asChunk(value: unknown): Chunk {
  if (value instanceof Uint8Array || typeof value === "string") return value;
  throw new TypeError(`the body's stream gave ${inspect(value, { depth: 0 })}: bytes or strings are needed`);
}
