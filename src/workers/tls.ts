// What TLS is served with, as it changes over a worker's life.

import type { Hooks } from "../config/hooks.ts";
import type { TlsMaterial } from "../config/tls-material.ts";
import type { TlsSource } from "../protocols/tls/source.ts";

export interface TlsFeed {
  readonly material: TlsMaterial;
  /** From now on `listener` is told each time that there is other material. */
  onRenewal(listener: () => void): void;
  renew(material: TlsMaterial): void;
}

export function createTlsFeed(first: TlsMaterial): TlsFeed {
  let material = first;
  const listeners: (() => void)[] = [];
  return {
    get material() {
      return material;
    },
    onRenewal: (listener) => void listeners.push(listener),
    renew(next) {
      material = next;
      for (const listener of listeners) listener();
    },
  };
}

/** For who speaks TLS. */
export function tlsSource(feed: TlsFeed, sslContext: Hooks["sslContext"]): TlsSource {
  return {
    get material() {
      return feed.material;
    },
    sslContext,
    onRenewal: feed.onRenewal,
  };
}
