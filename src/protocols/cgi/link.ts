// One connection of a web server in front, whatever it speaks of uwsgi, FastCGI and SCGI.

import type { Socket } from "node:net";
import type { Connection, Endpoint } from "../exchange.ts";
import type { Refusal } from "./refusal.ts";

/** What the engine of a protocol makes of a connection. */
export interface Talk {
  /** Something has come in. Throws WireError for what is no such protocol. */
  read(chunk: Buffer): void;
  /** What was written has been sent. */
  flowed(): void;
  /** The next answer is the last, or the one under way. */
  last(): void;
  /** What was said is wrong: tells the front if there is a way to. The connection is closed after that. */
  refuse(refusal: Refusal): void;
  /** The connection is closed, by whomever. */
  closed(): void;
}

/** What a connection waits for, and no longer than a time; but for as long as it takes while "sending". */
export type Waiting = "request" | "next request" | "head" | "sending" | "end";

/** How long the other side may take to close, once it has the whole answer, in milliseconds. */
const LONGEST_END = 2_000;

export class Link implements Connection {
  readonly encrypted: boolean;
  readonly trusted = true;
  readonly socket: Socket;
  readonly stream: Socket;
  /** Undefined while a request is under way. */
  waiting: Waiting | undefined = undefined;
  /** When that is over, by performance.now(). */
  until: number = Number.POSITIVE_INFINITY;
  /** Milliseconds for a request's head. */
  readonly #headTime: number;
  #gathering = false;
  readonly #spread = (): void => {
    this.#gathering = false;
    this.stream.uncork();
  };
  #peer: Endpoint | undefined = undefined;
  #local: Endpoint | undefined = undefined;

  constructor(stream: Socket, accepted: Socket, headTime: number) {
    this.stream = stream;
    this.socket = accepted;
    this.encrypted = stream !== accepted;
    this.#headTime = headTime;
    this.wait("request", headTime);
  }

  get peer(): Endpoint {
    this.#peer ??= { address: this.socket.remoteAddress ?? "", port: this.socket.remotePort };
    return this.#peer;
  }

  get local(): Endpoint {
    this.#local ??= { address: this.socket.localAddress ?? "", port: this.socket.localPort };
    return this.#local;
  }

  /** No answer under way, and no request that has begun. */
  get idle(): boolean {
    return this.waiting === "request" || this.waiting === "next request";
  }

  /** Some of a head has come: the time for all of it goes on. */
  heads(): void {
    if (this.waiting === "request") this.waiting = "head";
    else if (this.waiting !== "head") this.wait("head", this.#headTime);
  }

  wait(what: Waiting, milliseconds: number): void {
    this.waiting = what;
    this.until = performance.now() + milliseconds;
  }

  /** An answer is given and another request may come, but the front has not taken all of it. */
  sends(): void {
    this.wait("sending", Number.POSITIVE_INFINITY);
  }

  busy(): void {
    this.waiting = undefined;
    this.until = Number.POSITIVE_INFINITY;
  }

  /**
   * Sends the last and ends our side; what still comes is not looked at. The other side has a moment to end its own, once it
   * has taken all: how long that lasts is as open as with HTTP/1.
   */
  finish(last?: string | Uint8Array, sent?: () => void): void {
    if (this.waiting === "end") return;
    this.wait("end", Number.POSITIVE_INFINITY);
    const flushed = (): void => {
      this.wait("end", LONGEST_END);
      sent?.();
    };
    if (last === undefined) this.stream.end(flushed);
    else if (typeof last === "string") this.stream.end(last, "latin1", flushed);
    else this.stream.end(last, flushed);
    this.stream.resume();
  }

  /** What is written in this turn goes out at once. */
  gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.stream.cork();
    queueMicrotask(this.#spread);
  }

  /**
   * Closes so that nobody takes what was sent for whole. Only TCP knows a reset: elsewhere `last` may say it, in a way that
   * breaks the protocol, or else the end has to do.
   */
  reset(last?: Uint8Array): void {
    const { socket, stream } = this;
    if (stream === socket && socket.localAddress !== undefined) socket.resetAndDestroy();
    else if (last === undefined) stream.destroy();
    else {
      this.finish(last);
      // Nobody waits for what is not whole.
      this.wait("end", LONGEST_END);
    }
  }
}
