// Daemons of a test's own, that keep what they are sent.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import net from "node:net";

/** How long a wait may take before it counts as lost, in milliseconds. */
const PATIENCE = 20_000;

/** Where what is to be undone at the end is registered. */
interface Undo {
  after(undo: () => unknown): void;
}

export interface Listener {
  readonly port: number;
  readonly messages: readonly string[];
  /** Resolves with the first message that `wanted` accepts. */
  saw(wanted: (message: string) => boolean): Promise<string>;
  /**
   * Resolves when `enough` says so of all that came. Several processes send, each by its own connection or datagrams:
   * what one of them sent last says nothing of what is still unread of another's.
   */
  until(enough: (messages: readonly string[]) => boolean): Promise<void>;
}

function keeper(): { readonly put: (message: string) => void } & Omit<Listener, "port"> {
  const messages: string[] = [];
  const waiting = new Set<() => void>();
  const until: Listener["until"] = (enough) =>
    new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`waited in vain; came:\n${messages.join("\n")}`)),
        PATIENCE,
      );
      const look = (): void => {
        if (!enough(messages)) return;
        waiting.delete(look);
        clearTimeout(late);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return {
    messages,
    put(message) {
      messages.push(message);
      for (const look of waiting) look();
    },
    until,
    async saw(wanted) {
      await until(() => messages.some(wanted));
      return messages.find(wanted) ?? "";
    },
  };
}

export async function listenUdp(t: Undo): Promise<Listener> {
  const { put, ...kept } = keeper();
  const socket = createSocket("udp4", (message) => put(message.toString()));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.after(() => socket.close());
  return { port: socket.address().port, ...kept };
}

/** Over TCP, or on a Unix socket where there is a path; `split` takes whole messages from the start of the text. */
export async function listenStream(
  t: Undo,
  split: (text: string) => { readonly messages: readonly string[]; readonly rest: string },
  place: { readonly path: string } | { readonly port: number },
): Promise<Listener & { readonly server: net.Server; dropAll(): void }> {
  const { put, ...kept } = keeper();
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk) => {
      const { messages, rest } = split(text + String(chunk));
      text = rest;
      for (const message of messages) put(Buffer.from(message, "latin1").toString());
    });
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  const dropAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    dropAll();
    server.close();
  });
  server.listen("path" in place ? place : { ...place, host: "127.0.0.1" });
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { port, server, dropAll, ...kept };
}

export function splitLines(text: string): { messages: string[]; rest: string } {
  const lines = text.split("\n");
  const rest = lines.pop() ?? "";
  return { messages: lines, rest };
}

/** RFC 6587, section 3.4.1. */
export function splitCounted(text: string): { messages: string[]; rest: string } {
  const messages: string[] = [];
  let rest = text;
  for (;;) {
    const head = /^(\d+) /.exec(rest);
    if (head === null) return { messages, rest };
    const end = head[0].length + Number(head[1]);
    if (rest.length < end) return { messages, rest };
    messages.push(rest.slice(head[0].length, end));
    rest = rest.slice(end);
  }
}
