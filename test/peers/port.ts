// Ports for programs that can't be told to take any and say which.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import net from "node:net";

/**
 * Below those that Linux gives to clients and to whoever asks for any (32768 and up): what is free there stays free until
 * its program listens. Test files run side by side, and each process has a stretch of its own.
 */
const FIRST = 10_000;
const LAST = 32_000;
const STRETCH = 16;

let next = FIRST + ((process.pid * STRETCH) % (LAST - FIRST));

/** A port of 127.0.0.1 that nobody has. */
export async function freePort(kind: "tcp" | "udp" = "tcp"): Promise<number> {
  for (;;) {
    const port = next;
    next = next + 1 < LAST ? next + 1 : FIRST;
    if (await isFree(kind, port)) return port;
  }
}

async function isFree(kind: "tcp" | "udp", port: number): Promise<boolean> {
  const holder =
    kind === "tcp"
      ? net.createServer().listen(port, "127.0.0.1")
      : createSocket("udp4").bind(port, "127.0.0.1");
  const taken = once(holder, "error").then(() => true);
  if (await Promise.race([taken, once(holder, "listening").then(() => false)])) return false;
  holder.close();
  await once(holder, "close");
  return true;
}
