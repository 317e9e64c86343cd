// What a response gives, held against what it declares. Node sends whatever it is told: a body longer than its
// Content-Length becomes the next answer on the connection, a shorter one takes its bytes from that
// (RFC 9112, section 6.3). Node's own strictContentLength throws where streams give their pieces, which ends the process.

import { type IncomingMessage, ServerResponse } from "node:http";
import { tellLeftOut } from "./left-out.ts";
import { endAtOnce, WRITES_TWICE, writeRaw } from "./single-write.ts";

/** Bytes of the body so far: kept where somebody asks for them, or a length was declared, and node does not know them itself. */
const bodyBytes: unique symbol = Symbol("bodyBytes");
const told: unique symbol = Symbol("told");

declare module "node:http" {
  interface ServerResponse {
    [bodyBytes]?: number;
    /** True once something about it was logged. */
    [told]?: boolean;
    /** The length that the head declares or that node has counted, once it is made: node's own, in all versions from 18 on. */
    readonly _contentLength?: number | null;
  }
}

interface Writes {
  write(chunk?: unknown, encoding?: unknown, callback?: unknown): boolean;
  end(chunk?: unknown, encoding?: unknown, callback?: unknown): ServerResponse;
}

const plain: Writes = ServerResponse.prototype;
const plainWrite = plain.write;
const plainEnd = plain.end;

export interface ResponseOptions {
  /** Whether the bytes of each body are asked for: an access log that shows them, a hook. */
  readonly countBytes: boolean;
  /** Logs what is wrong with an answer, of which it says "gave more than ...". Called once for each. */
  readonly tell: (res: ServerResponse, what: string) => void;
}

/**
 * A class of responses that are checked. The functions are the instance's own, not the prototype's: Express puts another
 * prototype under every response. All instances share them, so that a response costs no closures.
 */
export function checkedResponses({ countBytes, tell }: ResponseOptions): typeof ServerResponse {
  const tellOnce = (res: ServerResponse, what: string): void => {
    if (res[told]) return;
    res[told] = true;
    tell(res, what);
  };

  /** Node would emit an error, which ends the process where nobody listens: clients of other requests would pay for it. */
  const late = (res: ServerResponse, ...args: readonly unknown[]): boolean => {
    if (res.listenerCount("error") > 0 || res.destroyed) return false;
    tellOnce(res, "was written to after its end: that is left out");
    tellLeftOut("ERR_STREAM_WRITE_AFTER_END", ...args);
    return true;
  };

  /** The part of a piece that its declared length leaves room for. */
  const cutDown = (res: ServerResponse, chunk: unknown, encoding: unknown, declared: number): Uint8Array => {
    tellOnce(
      res,
      `gave more than the ${declared} bytes that its Content-Length declares: the rest is left out`,
    );
    const room = declared - (res[bodyBytes] ?? 0);
    res[bodyBytes] = declared;
    return firstBytes(chunk, encoding, room);
  };

  function write(this: ServerResponse, chunk?: unknown, encoding?: unknown, callback?: unknown): boolean {
    if (this.writableEnded && late(this, encoding, callback)) return false;
    const declared = declaredLength(this);
    if (declared === undefined && !countBytes) return plainWrite.call(this, chunk, encoding, callback);
    const given = (this[bodyBytes] ?? 0) + lengthOf(chunk, encoding);
    if (declared === undefined || given <= declared || !counts(this)) {
      this[bodyBytes] = given;
      return plainWrite.call(this, chunk, encoding, callback);
    }
    const piece = cutDown(this, chunk, encoding, declared);
    return plainWrite.call(this, piece, callbackOf(encoding, callback));
  }

  function end<Response extends ServerResponse>(
    this: Response,
    chunk?: unknown,
    encoding?: unknown,
    callback?: unknown,
  ): Response {
    if (this.writableEnded) {
      if (!hasBytes(chunk) || !late(this, encoding, callback)) plainEnd.call(this, chunk, encoding, callback);
      return this;
    }
    const declared = declaredLength(this);
    // Of a body that comes whole, with its end, node counts the bytes.
    if (declared !== undefined || (countBytes && this.headersSent)) {
      const given = (this[bodyBytes] ?? 0) + lengthOf(chunk, encoding);
      if (declared !== undefined && given !== declared && counts(this)) {
        if (given > declared) {
          const piece = cutDown(this, chunk, encoding, declared);
          plainEnd.call(this, piece, callbackOf(encoding, callback));
          return this;
        }
        if (!this.destroyed)
          cutAfter(this, `gave ${given} of the ${declared} bytes that its Content-Length declares`);
      }
      if (countBytes && (given !== declared || this[bodyBytes] !== undefined)) this[bodyBytes] = given;
    }
    if (this.statusCode < 200) cutAfter(this, `has the status ${this.statusCode}, which can't be the last`);
    if (WRITES_TWICE && hasBytes(chunk)) endAtOnce(plainEnd, this, chunk, encoding, callback);
    else plainEnd.call(this, chunk, encoding, callback);
    return this;
  }

  /** Before node hands the connection to the next answer, and when all that was given has gone out. */
  const cutAfter = (res: ServerResponse, why: string): void => {
    tellOnce(res, `${why}: the connection is cut`);
    res.shouldKeepAlive = false;
    res.prependOnceListener("finish", () => res.req.socket.destroy());
  };

  return class CheckedResponse<
    Request extends IncomingMessage = IncomingMessage,
  > extends ServerResponse<Request> {
    constructor(...values: ConstructorParameters<typeof ServerResponse<Request>>) {
      super(...values);
      this.write = write;
      this.end = end;
      if (WRITES_TWICE) this._writeRaw = writeRaw;
    }
  };
}

/** Bytes of the body that were given to the connection, of a response whose bytes are counted. */
export function bodyBytesOf(res: ServerResponse): number {
  const { statusCode } = res;
  if (res.req.method === "HEAD" || statusCode === 204 || statusCode === 304) return 0;
  return res[bodyBytes] ?? (res.writableEnded ? (res._contentLength ?? 0) : 0);
}

/** The length that the head declares, or will; undefined where it declares none. */
function declaredLength(res: ServerResponse): number | undefined {
  // What node keeps for its own strict mode: writeHead() with a list leaves getHeader() with nothing.
  const value = res.headersSent ? res._contentLength : res.getHeader("content-length");
  if (value === undefined || value === null) return undefined;
  const length = Number(value);
  return length >= 0 ? length : undefined;
}

/** Whether the declared length is that of what is sent: not where there is no body, or chunks tell its end. */
function counts(res: ServerResponse): boolean {
  const { statusCode } = res;
  const bodiless = res.req.method === "HEAD" || statusCode === 204 || statusCode === 304 || statusCode < 200;
  return !bodiless && !res.chunkedEncoding;
}

function lengthOf(chunk: unknown, encoding: unknown): number {
  if (typeof chunk === "string") return Buffer.byteLength(chunk, knownEncoding(encoding));
  return chunk instanceof Uint8Array ? chunk.byteLength : 0;
}

function firstBytes(chunk: unknown, encoding: unknown, length: number): Uint8Array {
  if (typeof chunk === "string") return Buffer.from(chunk, knownEncoding(encoding)).subarray(0, length);
  return chunk instanceof Uint8Array ? chunk.subarray(0, length) : Buffer.alloc(0);
}

const knownEncoding = (encoding: unknown): BufferEncoding =>
  typeof encoding === "string" && encoding !== "utf8" && Buffer.isEncoding(encoding) ? encoding : "utf8";

const callbackOf = (encoding: unknown, callback: unknown): unknown =>
  typeof encoding === "function" ? encoding : callback;

const hasBytes = (chunk: unknown): boolean =>
  chunk !== undefined && chunk !== null && typeof chunk !== "function" && chunk !== "";
