// Takes the framing off that node's responses put around a body where the application asks for `Transfer-Encoding:
// chunked` itself, as proxies do: RFC 9112 section 7.1. What comes is node's own, so it is well formed.

const LF = 0x0a;

/** A function that is given the bytes as they come, and gives the body's. */
export function createUnchunker(): (bytes: Buffer) => Buffer {
  let size = "";
  /** Of the present chunk, with the line end after it; 0 while its size is being read. */
  let left = 0;
  let over = false;
  return (bytes) => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length && !over; ) {
      if (left > 0) {
        const taken = Math.min(left, bytes.length - at);
        const ofBody = Math.min(taken, Math.max(0, left - 2));
        pieces.push(bytes.subarray(at, at + ofBody));
        left -= taken;
        at += taken;
        continue;
      }
      const end = bytes.indexOf(LF, at);
      size += bytes.toString("latin1", at, end < 0 ? bytes.length : end);
      at = end < 0 ? bytes.length : end + 1;
      if (end < 0) continue;
      const length = Number.parseInt(size, 16);
      size = "";
      over = length === 0;
      left = length + 2;
    }
    return Buffer.concat(pieces);
  };
}
