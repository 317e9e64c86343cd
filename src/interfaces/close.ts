// How an application is told that its last request is answered.

import { isCallable } from "./detect.ts";

/**
 * The application's own way to end: its method `close` (Fastify, Nest), or else `shutdown`. Undefined where it has
 * neither. What it returns is to be awaited.
 */
export function closerOf(app: unknown): (() => unknown) | undefined {
  if ((typeof app !== "object" && typeof app !== "function") || app === null) return undefined;
  for (const name of ["close", "shutdown"]) {
    const method: unknown = Reflect.get(app, name);
    if (isCallable(method)) return () => Reflect.apply(method, app, []);
  }
  return undefined;
}
