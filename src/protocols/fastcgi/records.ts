// FastCGI's records. https://fastcgi-archives.github.io/FastCGI_Specification.html (sections 3.3, 5 and 8)

import { WireError } from "../cgi/refusal.ts";
import { spokenIn } from "../spoken.ts";

export const BEGIN_REQUEST = 1;
export const ABORT_REQUEST = 2;
export const END_REQUEST = 3;
export const PARAMS = 4;
export const STDIN = 5;
export const STDOUT = 6;
export const STDERR = 7;
export const DATA = 8;
export const GET_VALUES = 9;
export const GET_VALUES_RESULT = 10;
export const UNKNOWN_TYPE = 11;

export const RESPONDER = 1;
export const KEEP_CONN = 1;

/** protocolStatus of END_REQUEST. */
export const REQUEST_COMPLETE = 0;
export const OVERLOADED = 2;
export const UNKNOWN_ROLE = 3;

const VERSION = 1;
const HEADER = 8;
/** The most that a record carries and that needs no padding. */
const MOST_CONTENT = 65_528;

export interface RecordSink {
  /** A whole record, but for STDIN. */
  record(type: number, id: number, content: Buffer): void;
  /** A piece of a STDIN record as it comes; empty, the end of the body. */
  stdin(id: number, piece: Buffer): void;
}

/** Takes what comes in and gives `sink` the records. Throws WireError for what is no FastCGI. */
export function createRecordReader(sink: RecordSink): (chunk: Buffer) => void {
  /** A header, or the content of a record other than STDIN, that has not all come. */
  let partial: Buffer[] = [];
  let have = 0;
  let type = 0;
  let id = 0;
  /** Of the record that is being read: bytes of content and of padding still to come; -1 before its header. */
  let content = -1;
  let padding = 0;

  /** `size` bytes from `chunk` at `at`, with what is there of them already; undefined where they have not all come. */
  const take = (chunk: Buffer, at: number, size: number): Buffer | undefined => {
    if (have === 0 && chunk.length - at >= size) return chunk.subarray(at, at + size);
    const piece = chunk.subarray(at, at + size - have);
    partial.push(piece);
    have += piece.length;
    if (have < size) return undefined;
    const whole = Buffer.concat(partial);
    partial = [];
    have = 0;
    return whole;
  };

  const readHeader = (header: Buffer): void => {
    if (header[0] !== VERSION) throw notFastcgi(header);
    type = header.readUInt8(1);
    id = header.readUInt16BE(2);
    content = header.readUInt16BE(4);
    padding = header.readUInt8(6);
    if (type === STDIN && content === 0) sink.stdin(id, header.subarray(0, 0));
  };

  return (chunk) => {
    let at = 0;
    if (content < 0 && have === 0 && chunk[0] !== VERSION) throw notFastcgi(chunk);
    while (at < chunk.length) {
      const before = have;
      if (content < 0) {
        const header = take(chunk, at, HEADER);
        if (header === undefined) return;
        at += HEADER - before;
        readHeader(header);
        if (content === 0 && type !== STDIN) sink.record(type, id, header.subarray(0, 0));
      } else if (content > 0 && type === STDIN) {
        const piece = chunk.subarray(at, at + content);
        at += piece.length;
        content -= piece.length;
        sink.stdin(id, piece);
      } else if (content > 0) {
        const whole = take(chunk, at, content);
        if (whole === undefined) return;
        at += content - before;
        content = 0;
        sink.record(type, id, whole);
      }
      if (content === 0) {
        const skipped = Math.min(padding, chunk.length - at);
        at += skipped;
        padding -= skipped;
        if (padding === 0) content = -1;
      }
    }
  };
}

function notFastcgi(bytes: Buffer): WireError {
  const spoken = spokenIn(bytes);
  return new WireError(
    spoken === undefined
      ? `not FastCGI (version ${bytes[0] ?? "missing"})`
      : `${spoken} on a FastCGI address`,
  );
}

function writeHeader(target: Buffer, at: number, type: number, id: number, length: number): void {
  target[at] = VERSION;
  target[at + 1] = type;
  target.writeUInt16BE(id, at + 2);
  target.writeUInt16BE(length, at + 4);
  target[at + 6] = 0;
  target[at + 7] = 0;
}

/** One record. `content` must not be longer than 65,535 bytes. */
export function record(type: number, id: number, content: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(HEADER + content.length);
  writeHeader(whole, 0, type, id, content.length);
  whole.set(content, HEADER);
  return whole;
}

/** The head of a record whose content is written after it. */
function recordHead(type: number, id: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(HEADER);
  writeHeader(head, 0, type, id, length);
  return head;
}

/** A piece of a stream as buffers to be written one after the other: short ones in one, long ones not copied. */
export function stream(type: number, id: number, content: Uint8Array): readonly Uint8Array[] {
  if (content.length === 0) return [];
  if (content.length <= COPIED) return [record(type, id, content)];
  const buffers: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += MOST_CONTENT) {
    const piece = content.subarray(at, at + MOST_CONTENT);
    buffers.push(recordHead(type, id, piece.length), piece);
  }
  return buffers;
}

/** Up to here a copy costs less than one buffer more. */
const COPIED = 4_096;

/** The end of STDOUT, where it was begun, and of the request. */
export function ending(id: number, appStatus: number, protocolStatus: number, stdout: boolean): Buffer {
  const from = stdout ? HEADER : 0;
  const whole = Buffer.alloc(from + HEADER + 8);
  if (stdout) writeHeader(whole, 0, STDOUT, id, 0);
  writeHeader(whole, from, END_REQUEST, id, 8);
  whole.writeUInt32BE(appStatus, from + HEADER);
  whole[from + HEADER + 4] = protocolStatus;
  return whole;
}

export function unknownType(type: number): Buffer {
  return record(UNKNOWN_TYPE, 0, Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]));
}
