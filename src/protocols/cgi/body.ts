// A request's body as it comes in by pieces, read no faster than the application does.

import { Readable } from "node:stream";

export interface BodyOptions {
  /** More is wanted, after push() has said no; or nothing of it any more, and what still comes is thrown away. */
  readonly onWanted: () => void;
}

export class Body extends Readable {
  readonly #onWanted: () => void;

  constructor({ onWanted }: BodyOptions) {
    super();
    this.#onWanted = onWanted;
    // Whoever reads hears of it; where nobody does, it is no failure of the server's.
    this.on("error", ignore);
  }

  override _read(): void {
    this.#onWanted();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#onWanted();
    done(error);
  }

  /** The client has gone in the midst of it. */
  breakOff(): void {
    if (!this.destroyed && !this.readableEnded) this.destroy(new Error("the client closed the connection"));
  }
}

const ignore = (): void => undefined;
