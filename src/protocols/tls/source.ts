// Where TLS gets its certificates from.

import type { Hooks } from "../../config/hooks.ts";
import type { TlsMaterial } from "../../config/tls-material.ts";

export interface TlsSource {
  readonly material: TlsMaterial;
  /** The configuration's own say. */
  readonly sslContext: Hooks["sslContext"];
  /** From now on `listener` is told each time that there is other material. */
  onRenewal(listener: () => void): void;
}
