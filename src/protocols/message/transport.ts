// What an engine that does not speak HTTP/1 gives for each request: the facts of its head, and a way to answer.

import type { Endpoint } from "../exchange.ts";

/** What is known when a request's head has arrived. */
export interface MessageHead {
  readonly method: string;
  readonly target: string;
  /** Of the client's request, such as `1.1` or `2.0`. */
  readonly httpVersion: string;
  /** Names and values by turns. */
  readonly rawHeaders: readonly string[];
  readonly scheme: "http" | "https";
  readonly client: Endpoint;
  readonly scriptName: string;
  readonly pathInfo: string | undefined;
  readonly variables: ReadonlyMap<string, string> | undefined;
}

/**
 * The answering side. It is told things in order and only once: inform* head write* end, or cut at any time. Where
 * write() has said false, the engine calls `MessageExchange.flowed()` when more may come. When the answer is sent, or the
 * client is gone, it calls `MessageExchange.close()`.
 */
export interface Transport {
  /** See Exchange.carriesMore. */
  readonly carriesMore: boolean;
  /** An informational response (1xx); where the protocol has none, nothing. */
  inform(status: number, headers: readonly string[]): void;
  /** Names and values by turns, without those of HTTP/1's connections. `bodiless`: nothing is written before the end. */
  head(status: number, reason: string | undefined, headers: readonly string[], bodiless: boolean): void;
  write(chunk: Uint8Array | string): boolean;
  /** Trailer fields; where the protocol has none, they are left out. */
  end(trailers: readonly string[]): void;
  /** Ends without completing, so that nobody takes the answer for whole. */
  cut(): void;
}
