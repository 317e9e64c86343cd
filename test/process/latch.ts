// Holds requests open until the test lets them go, without a clock: an application under test connects to the
// latch's socket and answers when the latch says so.

import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Held {
  /** Lets the application answer. */
  release(): void;
}

export interface Latch {
  readonly path: string;
  /** Resolves when the next application waits at the latch. */
  held(): Promise<Held>;
  close(): void;
}

export async function openLatch(): Promise<Latch> {
  const dir = mkdtempSync(join(tmpdir(), "latch-"));
  const path = join(dir, "latch.sock");
  const arrived: Held[] = [];
  const waiting: ((held: Held) => void)[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    const held: Held = { release: () => void socket.end("go") };
    const next = waiting.shift();
    if (next === undefined) arrived.push(held);
    else next(held);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    held() {
      const next = arrived.shift();
      return next === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(next);
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
