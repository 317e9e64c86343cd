// How far a connection is with a request's head: node's parser knows, and no types tell of it.

import type { Socket } from "node:net";

/** In all versions from 18 on. */
interface Parser {
  headersCompleted(): boolean;
  /** Milliseconds since the message began, for the first since the connection did; 0 between messages. */
  duration(): number;
}

const isParser = (value: unknown): value is Parser =>
  typeof value === "object" &&
  value !== null &&
  "headersCompleted" in value &&
  typeof value.headersCompleted === "function" &&
  "duration" in value &&
  typeof value.duration === "function";

/** For how long, in milliseconds, a head has been awaited; 0 where none is, or none of it has come behind a request. */
export function headAwaited(stream: Socket): number {
  const parser: unknown = Reflect.get(stream, "parser");
  return isParser(parser) && !parser.headersCompleted() ? parser.duration() : 0;
}
