// Frames of HTTP/2 made by hand: https://www.rfc-editor.org/rfc/rfc9113#section-4.1

export const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** None that differs from the defaults. */
export const SETTINGS: Buffer = frame(4, 0, 0, Buffer.alloc(0));
