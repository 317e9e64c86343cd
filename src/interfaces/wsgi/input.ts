// `wsgi.input`: the request's body, read synchronously where it is there already, and as a stream always.

import { Readable } from "node:stream";

/** Bodies up to this many bytes are there before the application is called. */
export const READ_AHEAD = 64 * 1024;

const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

type Rest = AsyncIterator<Buffer, unknown>;

/**
 * The request's body. `read`, `readline`, `readlines` and iteration, which gives lines, are synchronous and for bodies of
 * up to 64 KiB; `readAsync`, `stream` and asynchronous iteration, which gives pieces as they come, are for any. They go on
 * where the one before stopped.
 */
export class Input implements Iterable<Buffer>, AsyncIterable<Buffer> {
  #buffered: Buffer;
  /** What is still to come; undefined where all is there. */
  #rest: Rest | undefined;

  constructor(buffered: Buffer = EMPTY, rest?: Rest) {
    this.#buffered = buffered;
    this.#rest = rest;
  }

  /** The next `size` bytes, or all; fewer, and at last none, at the end. Throws where the body is not all there. */
  read(size?: number): Buffer {
    this.#demandAll("read");
    return this.#take(size ?? -1);
  }

  /** The next line with its newline, or at most `size` bytes of it; empty at the end. */
  readline(size?: number): Buffer {
    this.#demandAll("readline");
    const end = this.#buffered.indexOf(NEWLINE) + 1;
    const line = end === 0 ? this.#buffered.length : end;
    return this.#take(size === undefined || size < 0 ? line : Math.min(line, size));
  }

  /** The lines that are left, or as many as make up `hint` bytes. */
  readlines(hint?: number): Buffer[] {
    const lines: Buffer[] = [];
    let total = 0;
    for (const line of this) {
      lines.push(line);
      total += line.length;
      if (hint !== undefined && hint > 0 && total >= hint) break;
    }
    return lines;
  }

  *[Symbol.iterator](): Iterator<Buffer> {
    for (let line = this.readline(); line.length > 0; line = this.readline()) yield line;
  }

  /** The next `size` bytes, or all, once they have come; fewer, and at last none, at the end. Rejects when the client goes away. */
  async readAsync(size?: number): Promise<Buffer> {
    const wanted = size === undefined || size < 0 ? Number.POSITIVE_INFINITY : size;
    const pieces = [this.#buffered];
    let length = this.#buffered.length;
    while (length < wanted && this.#rest !== undefined) {
      const { done, value } = await this.#rest.next();
      if (done === true) this.#rest = undefined;
      else {
        pieces.push(value);
        length += value.length;
      }
    }
    this.#buffered = pieces.length === 1 ? this.#buffered : Buffer.concat(pieces);
    return this.#take(Number.isFinite(wanted) ? wanted : -1);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Buffer> {
    if (this.#buffered.length > 0) yield this.#take(-1);
    while (this.#rest !== undefined) {
      const { done, value } = await this.#rest.next();
      if (done === true) this.#rest = undefined;
      else yield value;
    }
  }

  /** The body as a stream of Node's. */
  stream(): Readable {
    return Readable.from(this, { objectMode: false });
  }

  #demandAll(method: string): void {
    if (this.#rest === undefined) return;
    throw new Error(
      `wsgi.input.${method}() needs the whole body, and this one has more than ${READ_AHEAD} bytes or no known end: ` +
        'write `await environ["wsgi.input"].readAsync()` in an async application, or `for await (const piece of environ["wsgi.input"])`',
    );
  }

  #take(size: number): Buffer {
    const taken = size < 0 ? this.#buffered : this.#buffered.subarray(0, size);
    this.#buffered = this.#buffered.subarray(taken.length);
    return taken;
  }
}

/** Reads a body ahead, as far as it is short. Rejects when the client goes away meanwhile. */
export async function readAhead(body: Readable): Promise<Input> {
  const pieces: Rest = body.iterator({ destroyOnReturn: false });
  const buffered: Buffer[] = [];
  let length = 0;
  while (length <= READ_AHEAD) {
    const { done, value } = await pieces.next();
    if (done === true) return new Input(Buffer.concat(buffered));
    buffered.push(value);
    length += value.length;
  }
  return new Input(Buffer.concat(buffered), pieces);
}

/** A body that is not read before the application asks for it. */
export function unread(body: Readable): Input {
  return new Input(EMPTY, body.iterator({ destroyOnReturn: false }));
}
