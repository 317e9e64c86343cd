// The start and the end of an application beside what its framework brings: `startup` and `shutdown`.

import { closerOf } from "./close.ts";
import { isCallable } from "./detect.ts";

export interface Life {
  /** To be awaited before the first request. */
  readonly startup: readonly (() => unknown)[];
  /** To be awaited in turn after the last. */
  readonly shutdown: readonly (() => unknown)[];
}

/**
 * The functions `startup` and `shutdown` that the application's module exports beside it, and the application's own methods:
 * `startup`, and `close` or else `shutdown`.
 */
export function lifeOf(app: unknown, exported: unknown): Life {
  const own = methodOf(app, "startup");
  const start = exportOf(app, exported, "startup");
  const close = closerOf(app);
  const end = exportOf(app, exported, "shutdown");
  return {
    startup: [start, own].filter((one) => one !== undefined),
    shutdown: [close, end].filter((one) => one !== undefined),
  };
}

function methodOf(owner: unknown, name: string): (() => unknown) | undefined {
  if ((typeof owner !== "object" && typeof owner !== "function") || owner === null) return undefined;
  const method: unknown = Reflect.get(owner, name);
  return isCallable(method) ? () => Reflect.apply(method, owner, []) : undefined;
}

/** What CommonJS exports as a whole may be the application itself, whose methods are its own. */
function exportOf(app: unknown, exported: unknown, name: string): (() => unknown) | undefined {
  if (exported === app) return undefined;
  const found = methodOf(exported, name);
  if (found !== undefined || typeof exported !== "object" || exported === null) return found;
  const whole: unknown = Reflect.get(exported, "default");
  return whole === app ? undefined : methodOf(whole, name);
}
