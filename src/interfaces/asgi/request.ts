// receive() of an HTTP request: the body as the application asks for it, and then whether the client is still there.

import type { Exchange } from "../../protocols/exchange.ts";
import { requestLength } from "../answer.ts";
import type { ReceiveEvent } from "../asgi.ts";

const EMPTY = new Uint8Array(0);

export class AsgiRequest {
  readonly #exchange: Exchange;
  /** Undefined where only the end will tell. */
  readonly #length: number | undefined;
  #pieces: AsyncIterator<Buffer> | undefined = undefined;
  #read = 0;
  /** The body has been given as a whole. */
  #given = false;
  /** Calls that overlap get their pieces in turn. */
  #turn: Promise<unknown> | undefined = undefined;
  #gone: Promise<ReceiveEvent> | undefined = undefined;
  #leave: (() => void) | undefined = undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#length = requestLength(exchange);
  }

  readonly receive = (): Promise<ReceiveEvent> => {
    if (this.#given) return this.#disconnected();
    if (this.#length === 0) {
      this.#given = true;
      return Promise.resolve({ type: "http.request", body: EMPTY, more_body: false });
    }
    const next = this.#turn === undefined ? this.#next() : this.#turn.then(() => this.receive());
    this.#turn = next;
    return next;
  };

  /** The answer is complete: nothing is left to be received. */
  finish(): void {
    this.#given = true;
    this.#leave?.();
  }

  async #next(): Promise<ReceiveEvent> {
    try {
      this.#pieces ??= this.#exchange.body.iterator({ destroyOnReturn: false });
      const { done, value } = await this.#pieces.next();
      if (done === true) {
        this.#given = true;
        return { type: "http.request", body: EMPTY, more_body: false };
      }
      this.#read += value.length;
      const last = this.#read === this.#length;
      if (last) {
        this.#given = true;
        this.#exchange.body.resume();
      }
      return { type: "http.request", body: value, more_body: !last };
    } catch {
      // It broke off.
      this.#given = true;
      return { type: "http.disconnect" };
    } finally {
      this.#turn = undefined;
    }
  }

  #disconnected(): Promise<ReceiveEvent> {
    this.#gone ??= new Promise((resolve) => {
      const { signal } = this.#exchange;
      const leave = (): void => {
        signal.removeEventListener("abort", leave);
        resolve({ type: "http.disconnect" });
      };
      if (signal.aborted || this.#exchange.complete) return leave();
      signal.addEventListener("abort", leave);
      this.#leave = leave;
    });
    return this.#gone;
  }
}
