// A client that sees every byte: sends what it is told, and reads responses one by one.

import { once } from "node:events";
import net from "node:net";

export interface Response {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface Client {
  send(text: string): void;
  /** The next whole response; rejects when the connection ends before. */
  response(): Promise<Response>;
  get(path?: string, headers?: string): Promise<Response>;
  /** Resolves when `text` has arrived. */
  saw(text: string): Promise<void>;
  /** Resolves with everything received, once the connection is closed; rejects when it was reset. */
  closed(): Promise<string>;
  /** Reads nothing more, until resume(). */
  pause(): void;
  resume(): void;
  /** Ends our side. */
  end(): void;
  destroy(): void;
}

/** Connected: accepted, or in the kernel's queue. `to` is a port of this machine, or a Unix socket's path. */
export async function connect(to: number | string): Promise<Client> {
  const socket = net.connect(typeof to === "number" ? { port: to, host: "127.0.0.1" } : { path: to });
  await once(socket, "connect");
  return clientOver(socket);
}

function clientOver(socket: net.Socket): Client {
  let received = "";
  let read = 0;
  let ended = false;
  let failure: Error | undefined;
  let wake: () => void = () => undefined;
  socket.setEncoding("latin1");
  socket.on("data", (text: string) => {
    received += text;
    wake();
  });
  socket.on("error", (error) => {
    failure = error;
  });
  const over = new Promise<void>((resolve) => {
    socket.on("close", () => {
      ended = true;
      wake();
      resolve();
    });
  });

  const more = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });

  const response = async (): Promise<Response> => {
    for (;;) {
      const found = parse(received.slice(read), ended);
      if (found !== undefined) {
        read += found.length;
        return found.response;
      }
      if (ended) throw failure ?? new Error(`closed after: ${JSON.stringify(received.slice(read))}`);
      await more();
    }
  };

  return {
    send: (text) => void socket.write(text, "latin1"),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    response,
    get(path = "/", headers = "") {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`);
      return response();
    },
    async saw(text) {
      while (!received.includes(text)) await more();
    },
    async closed() {
      await over;
      if (failure !== undefined) throw failure;
      return received;
    },
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  };
}

function parse(text: string, ended: boolean): { response: Response; length: number } | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [line = "", ...fields] = text.slice(0, end).split("\r\n");
  const status = Number(line.split(" ")[1]);
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
  const start = end + 4;
  if (status < 200 && status !== 101) return { response: { status, headers, body: "" }, length: start };
  const size = headers.get("content-length");
  if (size !== undefined) {
    const length = start + Number(size);
    if (text.length < length) return undefined;
    return { response: { status, headers, body: text.slice(start, length) }, length };
  }
  if (headers.get("transfer-encoding") === "chunked") {
    const last = text.indexOf("0\r\n\r\n", start);
    if (last < 0) return undefined;
    return { response: { status, headers, body: text.slice(start, last) }, length: last + 5 };
  }
  return ended ? { response: { status, headers, body: text.slice(start) }, length: text.length } : undefined;
}
