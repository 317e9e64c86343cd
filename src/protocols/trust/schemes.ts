// The headers by which a proxy says what its client spoke: config's secureSchemeHeaders.

import type { Config } from "../../config/config.ts";

export interface Schemes {
  /** The scheme this header tells; undefined where it tells none. */
  said(name: string, value: string): "http" | "https" | undefined;
}

const hint = (name: string): number => (name.length << 8) | (name.charCodeAt(0) | 0x20);

export function compileSchemes({ secureSchemeHeaders }: Pick<Config, "secureSchemeHeaders">): Schemes {
  const secure = new Map(
    Object.entries(secureSchemeHeaders).map(([name, value]) => [name.toLowerCase(), value]),
  );
  // The length and first letter of a name tell nearly always that it is none of them.
  const hints = new Set([...secure.keys()].map(hint));
  return {
    said(name, value) {
      if (!hints.has(hint(name))) return undefined;
      const wanted = secure.get(name.toLowerCase());
      if (wanted === undefined) return undefined;
      return value === wanted ? "https" : "http";
    },
  };
}
