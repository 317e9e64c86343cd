// What a route answers, and how a request's body is read.

import type { IncomingMessage } from "node:http";

export interface Answer {
  readonly status: number;
  /** Sent as JSON, where there is no `text`. */
  readonly body: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const answer = (body: unknown, status = 200): Answer => ({ status, body });

/** `error` says what to do. */
export const refusal = (status: number, error: string): Answer => ({ status, body: { error } });

/** A body that is wrong: thrown while a route reads it. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** No request needs more. */
const MOST_BYTES = 16 * 1024;
/** Who sends no more than this gets to read the answer, before the connection is closed under its hands. */
const MOST_DISCARDED = 8 * 1024 * 1024;

export type Fields = Readonly<Record<string, unknown>>;

/** The JSON object that is the request's body; none is an empty one. Throws Refused. */
export async function readFields(request: IncomingMessage, known: readonly string[]): Promise<Fields> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request) {
    if (!(piece instanceof Buffer)) continue;
    length += piece.length;
    if (length <= MOST_BYTES) pieces.push(piece);
    else if (length > MOST_DISCARDED) break;
  }
  if (length > MOST_BYTES) throw new Refused(413, `the body is longer than ${MOST_BYTES} bytes`);
  const text = Buffer.concat(pieces).toString("utf8").trim();
  if (text === "") return {};
  const value = parsed(text);
  if (!isFields(value)) throw new Refused(400, `the body has to be a JSON object${example(known)}`);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return value;
  const expected = known.length === 0 ? "nothing is expected here" : `known are ${known.join(", ")}`;
  throw new Refused(400, `"${unknown.slice(0, 40)}" is unknown; ${expected}`);
}

const example = (known: readonly string[]): string =>
  known.length === 0 ? "" : ` with ${known.map((name) => `"${name}"`).join(", ")}`;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
