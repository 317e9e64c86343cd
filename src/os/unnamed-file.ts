// A file that nobody else can open: made, and its name removed at once. It is gone with the last who holds it open.

import { randomBytes } from "node:crypto";
import { closeSync, openSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Memory first, then wherever there is room. */
const places = (): readonly string[] => ["/dev/shm", tmpdir()];

/**
 * The descriptor of a new file of `bytes` zeros, which have their room from the start: a disk that fills up later is none of
 * its concern. Undefined where no place takes one.
 */
export function openUnnamed(bytes: number): number | undefined {
  for (const place of places()) {
    try {
      const path = join(place, `tgunicorn-${process.pid}-${randomBytes(6).toString("hex")}`);
      const fd = openSync(path, "wx+", 0o600);
      try {
        unlinkSync(path);
        writeSync(fd, Buffer.alloc(bytes), 0, bytes, 0);
        return fd;
      } catch {
        closeSync(fd);
      }
    } catch {
      // Not there, or not ours to write to.
    }
  }
  return undefined;
}
