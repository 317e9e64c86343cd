// A connection of which nothing more that comes in is looked at, while answers are still due on it.

import { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Http1Connection } from "./connection.ts";

/**
 * Throws away what still comes in. Left to node, each request of it would cost a pair that is kept until the connection
 * is closed. It is read all the same: otherwise nobody would see the client's end.
 */
export function turnDeaf(connection: Http1Connection): void {
  connection.deaf = true;
  const { stream } = connection;
  const parser: unknown = Reflect.get(stream, "parser");
  if (isParser(parser)) {
    // It can't be stopped in the middle of the piece that it has in hand: the next head in there does that.
    parser.onIncoming = stop;
    // A body that nobody reads would stop the reading.
    parser.incoming = null;
    // What it has of a head or a body is no broken request when the client's end comes.
    parser.pause();
  }
  stream.removeAllListeners("data");
  stream.on("data", ignore);
  stream.resume();
}

/** Whether the last answer of the connection is under way. What comes behind that gets none: the connection is closed after it. */
export function isBehindLast(connection: Http1Connection): boolean {
  const { latest } = connection;
  if (latest?.res.shouldKeepAlive !== false) return false;
  turnDeaf(connection);
  const { stream } = connection;
  latest.res.once("finish", () => {
    // Where node has begun to close it, a second time would not wait for what the client still sends.
    if (stream.writable) stream.destroySoon();
  });
  return true;
}

/**
 * Does what node did for the answers that are still due on a connection, which it lets go of at a request for another
 * protocol. The function that it gives takes that back.
 */
export function mindAnswers(stream: Socket): () => void {
  const onDrain = (): void => {
    const answer: unknown = Reflect.get(stream, "_httpMessage");
    if (!(answer instanceof ServerResponse) || !answer.writableNeedDrain) return;
    const needs = Object.getOwnPropertySymbols(answer).find(
      ({ description }) => description === "kNeedDrain",
    );
    if (needs !== undefined) Reflect.set(answer, needs, false);
    answer.emit("drain");
  };
  const onEnd = (): void => void stream.end();
  stream.on("drain", onDrain);
  stream.on("end", onEnd);
  return () => void stream.off("drain", onDrain).off("end", onEnd);
}

/** Node's: no types tell of it. */
interface Parser {
  onIncoming: (req: object) => number;
  incoming: object | null;
  pause(): void;
}

const isParser = (value: unknown): value is Parser =>
  typeof value === "object" &&
  value !== null &&
  "onIncoming" in value &&
  "incoming" in value &&
  "pause" in value &&
  typeof value.pause === "function";

/** The parser's own word for a pause. Node calls that an error, to which the deaf say nothing. */
const HPE_PAUSED = 21;

function stop(req: object): number {
  // Otherwise node would hand the connection over where that is asked for.
  Reflect.set(req, "upgrade", false);
  return HPE_PAUSED;
}

const ignore = (): void => undefined;
