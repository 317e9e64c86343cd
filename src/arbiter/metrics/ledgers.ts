// The files in which workers keep what they count. The arbiter holds each open, reads it when it is asked, and adds up what
// those have counted that are gone: so nothing is lost with a worker, however it ends.

import { closeSync, readSync } from "node:fs";
import { addRow, burnt, readGauges } from "../../metrics/counted.ts";
import { emptyRow, LEDGER_BYTES, type LoopGauges } from "../../metrics/row.ts";
import { openUnnamed } from "../../os/unnamed-file.ts";

export interface LedgerOwner {
  readonly id: number;
  readonly workerClass: string;
  /** Threads that serve; 0 where the process's own loop does. */
  readonly threads: number;
}

/** What a living worker has counted, and how its loops are. */
export interface LiveCounts {
  readonly id: number;
  readonly workerClass: string;
  readonly row: Float64Array;
  /** Of the process's own loop, or of each of its threads. */
  readonly loops: readonly LoopGauges[];
}

export interface Ledgers {
  /** The file for a worker that is about to start; null where there is no place for one. */
  open(owner: LedgerOwner): number | null;
  /** How much processor time the system says that a worker has had, in seconds: one that is stuck does not say so itself. */
  burnt(id: number, seconds: number): void;
  /** The worker has ended. */
  close(id: number): void;
  /** Of those that live. */
  live(): readonly LiveCounts[];
  /** What has been counted since the start by all workers of each class, the dead included. */
  totals(): ReadonlyMap<string, Float64Array>;
}

interface Held extends LedgerOwner {
  readonly fd: number;
  /** Seconds of processor time. */
  cpu: number;
}

export function createLedgers(warn: (message: string) => void): Ledgers {
  const held = new Map<number, Held>();
  const departed = new Map<string, Float64Array<ArrayBuffer>>();
  let warned = false;

  return {
    open(owner) {
      const fd = openUnnamed(LEDGER_BYTES * (owner.threads + 1));
      if (fd === undefined) {
        if (!warned)
          warn("No metrics of requests: neither /dev/shm nor the directory for temporary files takes a file");
        warned = true;
        return null;
      }
      held.set(owner.id, { ...owner, fd, cpu: 0 });
      return fd;
    },
    burnt(id, seconds) {
      const one = held.get(id);
      if (one !== undefined) one.cpu = seconds;
    },
    close(id) {
      const gone = held.get(id);
      if (gone === undefined) return;
      held.delete(id);
      const sum = departed.get(gone.workerClass) ?? emptyRow();
      for (const row of rowsOf(gone)) addRow(sum, row);
      departed.set(gone.workerClass, sum);
      closeSync(gone.fd);
    },
    live() {
      return [...held.values()].map((one) => {
        const rows = rowsOf(one);
        const row = emptyRow();
        for (const each of rows) addRow(row, each);
        const loops = (one.threads === 0 ? rows : rows.slice(1)).map(readGauges);
        return { id: one.id, workerClass: one.workerClass, row, loops };
      });
    },
    totals() {
      const sums = new Map([...departed].map(([name, sum]) => [name, sum.slice()]));
      for (const one of held.values()) {
        const sum = sums.get(one.workerClass) ?? emptyRow();
        for (const row of rowsOf(one)) addRow(sum, row);
        sums.set(one.workerClass, sum);
      }
      return sums;
    },
  };
}

/** The process's own first, then those of its threads. */
function rowsOf({ fd, threads, cpu }: Held): Float64Array[] {
  const bytes = new Uint8Array(LEDGER_BYTES * (threads + 1));
  readSync(fd, bytes, 0, bytes.length, 0);
  const rows = Array.from(
    { length: threads + 1 },
    (_, place) => new Float64Array(bytes.buffer, place * LEDGER_BYTES, LEDGER_BYTES / 8),
  );
  if (rows[0] !== undefined) burnt(rows[0], cpu);
  return rows;
}
