// Writes to the error log for a process whose main thread can't: at once, and whole.

import fs from "node:fs";
import { errorCode, openDescriptor } from "../../log/descriptor.ts";
import { quietly } from "../../log/quietly.ts";
import { DESCRIPTOR } from "./order.ts";

/** What a full pipe may take, in milliseconds. */
const PATIENCE = 200;
const NAP = 5;
const napCell = new Int32Array(new SharedArrayBuffer(4));

export interface Writer {
  /** Takes a record without its final line feed. Never throws. */
  write(record: string): void;
  flush(): void;
  /** Opens the path anew. */
  reopen(): void;
}

export function createWriter(target: string, descriptors: Int32Array, before: string): Writer {
  const fd = (): number => descriptors[DESCRIPTOR] ?? 2;
  return {
    write(record) {
      const bytes = Buffer.from(`${before}${record}\n`);
      const until = performance.now() + PATIENCE;
      let at = 0;
      while (at < bytes.length && performance.now() < until) {
        try {
          at += fs.writeSync(fd(), bytes, at);
        } catch (error) {
          if (errorCode(error) !== "EAGAIN") return;
          Atomics.wait(napCell, 0, 0, NAP);
        }
      }
    },
    flush() {},
    reopen() {
      if (fd() <= 2) return;
      const next = openDescriptor(target, 2);
      // The main thread warns of it.
      if ("reason" in next) return;
      // In this order: who came after would write to whatever has the old number next.
      const last = Atomics.exchange(descriptors, DESCRIPTOR, next.fd);
      quietly(() => fs.closeSync(last));
    },
  };
}
