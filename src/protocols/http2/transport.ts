// The answering side of one stream.

import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { MessageExchange } from "../message/exchange.ts";
import type { Transport } from "../message/transport.ts";
import type { Http2Body } from "./body.ts";
import type { Http2Connection } from "./connection.ts";

const NO_TRAILERS: readonly string[] = [];

/**
 * Where a stream has its transport while it is open. All that the server keeps for a stream is found here, and let go of at
 * its end: a stream whose last bytes were still on their way then lives on until node's next full collection, and with it all
 * that it holds. Measured with listeners that held it: 0.3 of the processor's time went into copying what was dead.
 */
export const transportOf: unique symbol = Symbol("transport");

declare module "node:http2" {
  interface Http2Stream {
    [transportOf]?: Http2Transport | undefined;
  }
}

export interface Http2TransportOptions {
  readonly stream: ServerHttp2Stream;
  readonly connection: Http2Connection;
  /** Null where the request has none. */
  readonly body: Http2Body | null;
  /** The client understands trailers. */
  readonly takesTrailers: boolean;
}

export class Http2Transport implements Transport {
  readonly carriesMore = true;
  readonly connection: Http2Connection;
  readonly body: Http2Body | null;
  exchange: MessageExchange | undefined = undefined;
  /** Ends a stream whose request is still being sent when its answer is complete. */
  lateBody: NodeJS.Timeout | undefined = undefined;
  /** It ends by our will, not the client's. */
  cutByUs = false;
  readonly #stream: ServerHttp2Stream;
  readonly #takesTrailers: boolean;
  #trailers: readonly string[] = NO_TRAILERS;

  constructor({ stream, connection, body, takesTrailers }: Http2TransportOptions) {
    this.#stream = stream;
    this.connection = connection;
    this.body = body;
    this.#takesTrailers = takesTrailers;
  }

  inform(status: number, headers: readonly string[]): void {
    if (this.#stream.destroyed || this.#stream.headersSent) return;
    this.#stream.additionalHeaders({ ":status": status, ...collected(headers) });
  }

  head(status: number, _reason: string | undefined, headers: readonly string[], bodiless: boolean): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const fields = collected(headers);
    const waitForTrailers = !bodiless && (this.#takesTrailers || fields.trailer !== undefined);
    if (waitForTrailers) {
      // Also where there are none: that is how node ends such a stream, with an empty frame. close() would leave it open.
      stream.on("wantTrailers", () => stream.sendTrailers(collected(this.#trailers)));
    }
    fields[":status"] = status;
    stream.respond(fields, { endStream: bodiless, waitForTrailers });
  }

  write(chunk: Uint8Array | string): boolean {
    const stream = this.#stream;
    return stream.destroyed || stream.closed || stream.write(chunk);
  }

  end(trailers: readonly string[]): void {
    const stream = this.#stream;
    this.#trailers = trailers;
    if (stream.destroyed) return;
    // Otherwise node resets a stream whose request nobody has begun to read, and some clients drop the answer for that.
    if (stream.readableFlowing === null) stream.resume();
    stream.end();
  }

  cut(): void {
    this.cutByUs = !this.#stream.aborted;
    // With a code, close() sends a proper end first: the answer would pass for whole.
    this.#stream.destroy(new Error("the answer broke off"));
  }
}

/** As node wants them; it objects to several of most names, which are joined as HTTP says. */
function collected(headers: readonly string[]): OutgoingHttpHeaders {
  const fields: Record<string, number | string | string[]> = Object.create(null);
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? "").toLowerCase();
    const value = headers[i + 1] ?? "";
    const before = fields[name];
    if (name === "set-cookie") fields[name] = Array.isArray(before) ? [...before, value] : [value];
    else fields[name] = before === undefined ? value : `${String(before)}, ${value}`;
  }
  return fields;
}
