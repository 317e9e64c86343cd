// Imports a module and knows, where that fails, whether anything of it may have run.

/** Where a module that Node runs first leaves word. It can reach nothing but globals. */
const KEY = "tgunicorn.linked";
const linked = new Set<string>();
Reflect.set(globalThis, Symbol.for(KEY), linked);

/**
 * Imports by a module whose first import is one of ours. Node runs nothing of a graph before all of it is found, compiled
 * and linked, and then runs what is imported first: so ours has not run as long as nothing of the user's has.
 */
export async function importLinked(url: string): Promise<unknown> {
  const first = script(`globalThis[Symbol.for("${KEY}")].add(${JSON.stringify(url)});`);
  const whole = script(`import ${JSON.stringify(first)}; export * as module from ${JSON.stringify(url)};`);
  const { module } = await import(whole);
  return module;
}

/** False as long as nothing that the module at `url` imports, nor itself, can have run. */
export const mayHaveRun = (url: string): boolean => linked.has(url);

const script = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;
