// An address that the arbiter answers itself, where the configuration wants one.

import { formatPlace } from "../config/address.ts";
import type { Address } from "../config/config.ts";
import type { ErrorLog } from "../log/error-log.ts";
import { createService } from "./service.ts";
import type { Pages, WebServer } from "./web/server.ts";

export interface Web {
  /** Null is nowhere. Not before `freed`, where another has to make room first; resolves when it is done. */
  follow(address: Address | null, freed?: Promise<void>): Promise<void>;
  /** Whether it is there, or is to be. */
  holds(address: Address | null): boolean;
  close(): Promise<void>;
}

export interface WebOptions {
  /** As the log names it: `Health`. */
  readonly name: string;
  readonly flag: string;
  /** What the log says where the address can't be had: `Nobody answers probes at healthBind`. */
  readonly missing: string;
  readonly log: ErrorLog;
  /** Whether the arbiter that this one is to replace is still there: the address is its until it stops. */
  readonly elder: () => boolean;
  /** Loaded where they are wanted. */
  readonly pages: () => Promise<Pages>;
}

/** How often the arbiter that is to take over tries for the address, in milliseconds. */
const RETRY_AFTER = 200;

interface Wish {
  readonly place: string;
  readonly address: Address;
}

export function createWeb({ name, flag, missing, log, elder, pages }: WebOptions): Web {
  const service = createService<Wish>({
    async open({ address }, wanted) {
      const { openWeb } = await import("./web/server.ts");
      const shown = await pages();
      for (;;) {
        let served: WebServer;
        try {
          served = await openWeb(address, flag, shown, (error) => log.exception(`${name} failed`, error));
        } catch (error) {
          if (!elder()) throw error;
          await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER).unref());
          if (!wanted()) return null;
          continue;
        }
        log.info(`${name}: ${served.url}`);
        return served;
      }
    },
    failed: (error, held) => {
      const reason = error instanceof Error ? error.message : String(error);
      if (held === null) log.error(`${missing}: ${reason}. The server serves all the same`);
      else log.error(`${name} stays at ${held.place}: ${reason}`);
    },
  });
  return {
    follow: (address, freed) =>
      service.follow(address === null ? null : { place: formatPlace(address), address }, freed),
    holds: (address) => address !== null && service.holds(formatPlace(address)),
    close: () => service.close(),
  };
}
