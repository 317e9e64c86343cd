// What a web server says to uwsgi, SCGI and FastCGI servers.

export interface Asked {
  readonly method?: string;
  /** Path and query as a client sends them. */
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** What the body is said to be long, if that is not so. */
  readonly length?: number;
  /** Variables beside the usual ones. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** The variables of nginx's uwsgi_params, less PATH_INFO, names and values by turns. */
export function variablesOf(asked: Asked): string[] {
  const { method = "GET", target = "/", headers = {}, body = "", variables = {} } = asked;
  const length = asked.length ?? Buffer.byteLength(body);
  const pairs = [
    ["QUERY_STRING", target.split("?")[1] ?? ""],
    ["REQUEST_METHOD", method],
    ["CONTENT_TYPE", ""],
    ["CONTENT_LENGTH", length > 0 ? String(length) : ""],
    ["REQUEST_URI", target],
    ["SERVER_PROTOCOL", "HTTP/1.1"],
    ["REQUEST_SCHEME", "http"],
    ["REMOTE_ADDR", "192.0.2.7"],
    ["REMOTE_PORT", "4711"],
    ["SERVER_PORT", "80"],
    ["SERVER_NAME", "front.test"],
    ["HTTP_HOST", "front.test"],
    ...Object.entries(headers).map(([name, value]) => [
      `HTTP_${name.toUpperCase().replaceAll("-", "_")}`,
      value,
    ]),
    ...Object.entries(variables),
  ];
  return pairs.flat();
}

const short = (value: number): Buffer => Buffer.from([value & 0xff, value >> 8]);

export function uwsgiHead(pairs: readonly string[], modifier = 0): Buffer {
  const block = Buffer.concat(pairs.flatMap((text) => [short(Buffer.byteLength(text)), Buffer.from(text)]));
  return Buffer.concat([Buffer.from([modifier]), short(block.length), Buffer.from([0]), block]);
}

export function scgiHead(pairs: readonly string[]): Buffer {
  const block = pairs.map((text) => `${text}\0`).join("");
  return Buffer.from(`${Buffer.byteLength(block)}:${block},`);
}

export function fastcgiRecord(
  type: number,
  id: number,
  content: Buffer = Buffer.alloc(0),
  padding = 0,
): Buffer {
  const head = Buffer.from([
    1,
    type,
    id >> 8,
    id & 0xff,
    content.length >> 8,
    content.length & 0xff,
    padding,
    0,
  ]);
  return Buffer.concat([head, content, Buffer.alloc(padding)]);
}

export const fastcgiBegin = (id: number, { role = 1, keep = false } = {}): Buffer =>
  fastcgiRecord(1, id, Buffer.from([0, role, keep ? 1 : 0, 0, 0, 0, 0, 0]));

export function fastcgiPairs(pairs: readonly string[]): Buffer {
  const pieces: Buffer[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const [name, value] = [Buffer.from(pairs[i] ?? ""), Buffer.from(pairs[i + 1] ?? "")];
    pieces.push(lengthOf(name), lengthOf(value), name, value);
  }
  return Buffer.concat(pieces);
}

function lengthOf({ length }: Buffer): Buffer {
  if (length < 128) return Buffer.from([length]);
  const long = Buffer.alloc(4);
  long.writeUInt32BE(length + 0x8000_0000);
  return long;
}

/** A request's records up to the end of its parameters. */
export const fastcgiHead = (id: number, pairs: readonly string[], keep = false): Buffer =>
  Buffer.concat([
    fastcgiBegin(id, { keep }),
    fastcgiRecord(4, id, fastcgiPairs(pairs), 5),
    fastcgiRecord(4, id),
  ]);

/** A body in records, with its end. */
export function fastcgiBody(id: number, body: string | Buffer = ""): Buffer {
  const bytes = Buffer.from(body);
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 32_768) {
    records.push(fastcgiRecord(5, id, bytes.subarray(at, at + 32_768), 3));
  }
  return Buffer.concat([...records, fastcgiRecord(5, id)]);
}

export interface Heard {
  readonly type: number;
  readonly id: number;
  readonly content: Buffer;
}

/** Records as they come in. */
export async function* fastcgiRecords(chunks: AsyncIterable<Buffer>): AsyncGenerator<Heard> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      if (rest.length < 8) break;
      const length = rest.readUInt16BE(4);
      const whole = 8 + length + rest.readUInt8(6);
      if (rest.length < whole) break;
      yield { type: rest.readUInt8(1), id: rest.readUInt16BE(2), content: rest.subarray(8, 8 + length) };
      rest = rest.subarray(whole);
    }
  }
}
