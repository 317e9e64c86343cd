// A request's body. Not the stream itself: who stops reading the one must still be able to answer on the other.

import type { ServerHttp2Stream } from "node:http2";
import { Readable } from "node:stream";

export class Http2Body extends Readable {
  readonly #stream: ServerHttp2Stream;
  #begun = false;
  readonly #onData = (chunk: Buffer): void => {
    // The client's window is closed until somebody reads.
    if (!this.destroyed && !this.push(chunk)) this.#stream.pause();
  };
  /** Node ends the stream in the same way where the client breaks off and names no error. */
  readonly #onEnd = (): void => void (this.#stream.aborted ? this.destroy() : this.push(null));

  constructor(stream: ServerHttp2Stream) {
    super({ highWaterMark: 16_384 });
    this.#stream = stream;
  }

  override _read(): void {
    if (this.#begun) return void this.#stream.resume();
    this.#begun = true;
    this.#stream.on("data", this.#onData);
    this.#stream.on("end", this.#onEnd);
  }

  /** Nobody wants the rest. The stream does not close before all that has come is read. */
  abandon(): void {
    this.destroy();
    this.#stream.resume();
  }

  /** The stream is closed. Ends it where the client has broken off; what has come whole stays to be read. */
  letGo(): void {
    this.#stream.off("data", this.#onData);
    this.#stream.off("end", this.#onEnd);
    if (!this.#stream.readableEnded) this.destroy();
  }
}
