// One WebSocket of an ASGI application: its messages, in and out.

import { inspect } from "node:util";
import type { RawData, WebSocket } from "ws";
import type { Exchange } from "../../protocols/exchange.ts";
import type { ReceiveEvent, SendEvent } from "../asgi.ts";
import { checkFields } from "../fields.ts";
import { closeFrame, demandEvent } from "./event.ts";
import { ClientGone } from "./gone.ts";
import { AsgiResponse, type Given } from "./response.ts";
import type { Wire } from "./wire.ts";

/** What may wait for the application before nothing more is read from the client. */
const MOST_BYTES = 1024 * 1024;
const MOST_MESSAGES = 64;
/** What may wait for the client, in bytes, before send() waits too. */
const MOST_UNSENT = 64 * 1024;

/** ws's number for a WebSocket that is open: loading ws for it would be too early. */
const OPEN = 1;

const isNone = (value: unknown): boolean => value === undefined || value === null;

const SENT = Promise.resolve();
const EITHER = "websocket.send: either text, a string, or bytes are needed";
const DENIAL = "websocket.http.response.";

type Phase = "connecting" | "open" | "refused" | "closed";

const session: unique symbol = Symbol("session");

declare module "ws" {
  interface WebSocket {
    [session]?: AsgiSocket;
  }
}

export interface AsgiSocketContext {
  readonly wire: Wire;
  readonly log: { debug(message: string): void; warning(message: string): void };
  /** Called when the application has accepted it. */
  readonly accepted: () => void;
}

type Taker = (event: ReceiveEvent) => void;

/** Most of them are idle most of the time, and there are many: what only some need is made when they do. */

export class AsgiSocket {
  phase: Phase = "connecting";
  #denial: AsgiResponse | undefined = undefined;
  readonly #context: AsgiSocketContext;
  readonly #exchange: Exchange;
  readonly #subprotocols: readonly string[];
  #socket: WebSocket | undefined = undefined;
  /** What waits for the application; undefined for none. */
  #events: ReceiveEvent[] | undefined = undefined;
  #bytes = 0;
  /** Who waits for an event, and who waits behind that one. */
  #taker: Taker | undefined = undefined;
  #others: Taker[] | undefined = undefined;
  /** The last event; it is given again to who goes on asking. */
  #last: ReceiveEvent | undefined = undefined;
  /** Whether the application has had its first event. */
  #connected = false;

  constructor(context: AsgiSocketContext, exchange: Exchange, subprotocols: readonly string[]) {
    this.#context = context;
    this.#exchange = exchange;
    this.#subprotocols = subprotocols;
  }

  readonly receive = (): Promise<ReceiveEvent> => {
    if (!this.#connected) {
      this.#connected = true;
      return Promise.resolve({ type: "websocket.connect" });
    }
    const event = this.#events?.shift();
    if (event !== undefined) {
      // An array keeps the room it once had.
      if (this.#events?.length === 0) this.#events = undefined;
      this.#taken(event);
      return Promise.resolve(event);
    }
    if (this.phase === "connecting") this.#watch();
    if (this.#last !== undefined) return Promise.resolve(this.#last);
    return new Promise((resolve) => {
      if (this.#taker === undefined) this.#taker = resolve;
      else {
        this.#others ??= [];
        this.#others.push(resolve);
      }
    });
  };

  /** Until it is accepted its end is that of the request; afterwards ws tells of it. */
  #watch(): void {
    const { signal } = this.#exchange;
    const gone = (): void => {
      if (this.phase === "connecting") this.#end({ type: "websocket.disconnect", code: 1006, reason: "" });
    };
    if (signal.aborted) gone();
    else signal.addEventListener("abort", gone, { once: true });
  }

  /** Of the many messages each costs as little as can be: no promise is made where nothing is waited for. */
  readonly send = (event: SendEvent): Promise<void> => {
    try {
      demandEvent(event);
      if (event.type !== "websocket.send") return this.#control(event);
      return this.#send(event);
    } catch (error) {
      return Promise.reject(error);
    }
  };

  async #control(event: SendEvent): Promise<void> {
    switch (event.type) {
      case "websocket.accept":
        return this.#accept(event);
      case "websocket.close":
        return this.#close(event);
      default:
        return await this.#deny(event);
    }
  }

  /** The other end is to be told that this is over. */
  close(code: number): void {
    this.#socket?.close(code);
  }

  #accept({ subprotocol = null, headers = [] }: Given): void {
    this.#demand("websocket.accept", "connecting");
    const exchange = this.#exchange;
    const chosen = typeof subprotocol === "string" ? subprotocol : undefined;
    if (chosen === undefined ? subprotocol !== null : !this.#subprotocols.includes(chosen)) {
      throw new Error(`websocket.accept: the client does not offer the subprotocol ${inspect(subprotocol)}`);
    }
    const { list } = checkFields(headers, 101, "websocket.accept", true);
    if (list.some((name, i) => i % 2 === 0 && name.toLowerCase().startsWith("sec-websocket-")))
      throw new Error("websocket.accept: the fields Sec-WebSocket-* are the server's");
    // In the application's stead, when its time was over.
    if (exchange.answered) throw new ClientGone();
    const socket = this.#context.wire.open(exchange, {
      subprotocol: chosen,
      headers: list,
      leave: (code) => this.close(code),
    });
    if (socket === undefined) throw new ClientGone();
    this.phase = "open";
    this.#socket = socket;
    this.#context.accepted();
    socket[session] = this;
    socket.on("message", onMessage);
    socket.on("error", onError);
    socket.on("close", onClose);
  }

  #send({ text, bytes }: Given): Promise<void> {
    this.#demand("websocket.send", "open");
    const data = text ?? bytes;
    const fits = isNone(text) ? bytes instanceof Uint8Array : typeof text === "string" && isNone(bytes);
    if (!fits || !(typeof data === "string" || data instanceof Uint8Array)) throw new TypeError(EITHER);
    const socket = this.#socket;
    if (socket?.readyState !== OPEN) throw new ClientGone();
    // ws takes the kind from the message's: a string is text.
    if (socket.bufferedAmount < MOST_UNSENT) {
      socket.send(data);
      return SENT;
    }
    return new Promise<void>((resolve, reject) => {
      socket.send(data, (error) => (error ? reject(new ClientGone()) : resolve()));
    });
  }

  #close({ code = 1000, reason }: Given): void {
    if (this.phase === "connecting") {
      const exchange = this.#exchange;
      if (exchange.signal.aborted) throw new ClientGone();
      this.phase = "refused";
      this.#last = { type: "websocket.disconnect", code: 1006, reason: "" };
      const body = "Forbidden\n";
      exchange.head(403, undefined, ["Content-Type", "text/plain", "Content-Length", String(body.length)]);
      return exchange.end(body);
    }
    this.#demand("websocket.close", "open");
    const frame = closeFrame(code, reason);
    this.#socket?.close(frame.code, frame.reason);
    this.phase = "closed";
  }

  async #deny(event: SendEvent): Promise<void> {
    if (!event.type.startsWith(DENIAL)) throw new Error(`send(): there is no message ${inspect(event.type)}`);
    if (this.#denial?.begun !== true) this.#demand(event.type, "connecting");
    if (this.#exchange.signal.aborted) throw new ClientGone();
    this.#denial ??= this.#response();
    await this.#denial.take(event.type.slice(DENIAL.length), event);
    this.phase = "refused";
  }

  #response(): AsgiResponse {
    const { log } = this.#context;
    return new AsgiResponse(this.#exchange, (message) => log.warning(message), DENIAL);
  }

  get accepted(): boolean {
    return this.#socket !== undefined;
  }

  /** Whether it was refused, with a whole answer. */
  get answered(): boolean {
    return this.#denial?.phase === "complete" || this.#exchange.complete;
  }

  failed(error: Error): void {
    const { connection, target } = this.#exchange;
    const { address } = connection.peer;
    this.#context.log.debug(`WebSocket ${target} from ip=${address}: ${error.message}`);
    const code = failureCode(error);
    // ws itself tells 1006, since it hears no answer to its close frame.
    if (code !== undefined) this.ended(code, "");
  }

  ended(code: number, reason: string): void {
    this.#end({ type: "websocket.disconnect", code, reason });
  }

  take(data: RawData, binary: boolean): void {
    const bytes = Buffer.isBuffer(data)
      ? data
      : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]);
    const event: ReceiveEvent = binary
      ? { type: "websocket.receive", bytes }
      : { type: "websocket.receive", text: bytes.toString() };
    const taker = this.#taker;
    if (taker !== undefined) {
      this.#taker = this.#others?.shift();
      return taker(event);
    }
    this.#events ??= [];
    this.#events.push(event);
    this.#bytes += bytes.length;
    if (this.#bytes > MOST_BYTES || this.#events.length >= MOST_MESSAGES) this.#socket?.pause();
  }

  #taken(event: ReceiveEvent): void {
    if (event.type !== "websocket.receive") return;
    this.#bytes -= event.bytes === undefined ? Buffer.byteLength(event.text) : event.bytes.length;
    const socket = this.#socket;
    if (
      socket?.isPaused === true &&
      this.#bytes <= MOST_BYTES / 2 &&
      (this.#events?.length ?? 0) <= MOST_MESSAGES / 2
    )
      socket.resume();
  }

  #end(event: ReceiveEvent): void {
    if (this.phase !== "refused") this.phase = "closed";
    if (this.#last !== undefined) return;
    this.#last = event;
    this.#taker?.(event);
    for (const taker of this.#others ?? []) taker(event);
    this.#taker = undefined;
    this.#others = undefined;
  }

  #demand(type: string, phase: Phase): void {
    if (this.phase === phase) return;
    // Nobody can know that the client has gone just now.
    if (this.phase === "closed") throw new ClientGone();
    const why: Readonly<Record<Exclude<Phase, "closed">, string>> = {
      connecting: "websocket.accept has to come first",
      open: "the WebSocket is accepted already",
      refused: "the WebSocket is refused",
    };
    throw new Error(`send(): ${type} is out of place: ${why[this.phase]}`);
  }
}

/** What ws closes with where the client breaks the rules; of all other errors of its own with 1002. */
const FAILURES: ReadonlyMap<string, number> = new Map([
  ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 1009],
  ["WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", 1009],
  ["WS_ERR_TOO_MANY_BUFFERED_PARTS", 1008],
  ["WS_ERR_INVALID_UTF8", 1007],
]);

function failureCode(error: Error): number | undefined {
  const code = "code" in error ? error.code : undefined;
  if (typeof code !== "string" || !code.startsWith("WS_ERR_")) return undefined;
  return FAILURES.get(code) ?? 1002;
}

// One of each for all of them: ws calls them upon the WebSocket.

function onMessage(this: WebSocket, data: RawData, binary: boolean): void {
  this[session]?.take(data, binary);
}

function onError(this: WebSocket, error: Error): void {
  this[session]?.failed(error);
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  this[session]?.ended(code, reason.toString());
}
