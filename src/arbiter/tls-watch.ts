// Takes changed certificates into use. The files are looked at again and again: a link that is turned to another
// directory, as certbot and Kubernetes do, is no event of the file's own.

import type { Resolved } from "../config/resolve.ts";
import type { ErrorLog } from "../log/error-log.ts";
import { type LoadedTls, loadTls, stampOf } from "./tls.ts";

/** In milliseconds. Files are read when they stayed the same from one look to the next: the key follows the certificate. */
const INTERVAL = 500;

export interface Watched {
  readonly resolved: Resolved;
  readonly tls: LoadedTls | null;
}

export interface TlsWatch {
  /** Watches the files of this configuration, or none, as it says. */
  follow(watched: Watched): void;
  close(): void;
}

export function createTlsWatch(
  log: Pick<ErrorLog, "info" | "warning" | "error">,
  renewed: (resolved: Resolved, tls: LoadedTls) => void,
): TlsWatch {
  let watched: Watched | null = null;
  let timer: NodeJS.Timeout | undefined;
  /** As the files were at the last look, where that was not what is in use. */
  let seen = "";
  /** Can't be used, as the log says. */
  let refused = "";

  const look = async (): Promise<void> => {
    const looked = watched;
    if (looked === null || looked.tls === null) return;
    const stamp = await stampOf(looked.tls.files);
    if (looked !== watched || stamp === looked.tls.stamp || stamp === refused) return;
    if (stamp !== seen) {
      seen = stamp;
      return;
    }
    try {
      const tls = await loadTls(looked.resolved, log.warning);
      if (tls === null || looked !== watched) return;
      watched = { ...looked, tls };
      log.info("The certificates have changed: taken into use");
      renewed(looked.resolved, tls);
    } catch (error) {
      refused = stamp;
      const reason = error instanceof Error ? error.message : String(error);
      log.error(`The certificates have changed, but can't be used, the former stay: ${reason}`);
    }
  };

  const close = (): void => {
    clearTimeout(timer);
    timer = undefined;
    watched = null;
  };
  const next = (): void => {
    const mine = setTimeout(() => {
      look()
        .catch((error: unknown) => log.error(`tlsWatch: ${String(error)}`))
        // Who follows another configuration meanwhile has a timer of its own.
        .finally(() => timer === mine && next());
    }, INTERVAL).unref();
    timer = mine;
  };

  return {
    follow(following) {
      close();
      const { config } = following.resolved;
      if (!config.tlsWatch || following.tls === null || following.tls.files.length === 0) return;
      watched = following;
      seen = "";
      refused = "";
      next();
    },
    close,
  };
}
